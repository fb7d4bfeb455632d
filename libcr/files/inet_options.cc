// Options of the levels IP, IPv6 and TCP, and the newer ones of SOL_SOCKET: one table. Some have a field in
// CRIU's messages; the others are stored as they are, when a new socket of that kind does not have the value.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/inet_socket.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kTransparent6 = 75, kFreebind6 = 78; // IPV6_TRANSPARENT, IPV6_FREEBIND

struct Option {
    int family; // 0: any
    int level, name;
    const char *text;
    bool datagrams = false; // TCP has no use of it
};
constexpr Option kOptions[] = {
    {0, SOL_SOCKET, SO_TIMESTAMP, "SO_TIMESTAMP"},
    {0, SOL_SOCKET, SO_TIMESTAMPNS, "SO_TIMESTAMPNS"},
    {0, SOL_SOCKET, SO_BUSY_POLL, "SO_BUSY_POLL"},
    {0, SOL_SOCKET, SO_ZEROCOPY, "SO_ZEROCOPY"},
    {0, SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL"},
    {0, SOL_SOCKET, SO_PEEK_OFF, "SO_PEEK_OFF"},
    {AF_INET, IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT"},
    {AF_INET, IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"},
    {AF_INET, IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS"},
    {AF_INET, IPPROTO_IP, IP_RECVERR, "IP_RECVERR"},
    {AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER"},
    {AF_INET, IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", true},
    {AF_INET, IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", true},
    {AF_INET, IPPROTO_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL", true},
    {AF_INET, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT"},
    {AF_INET, IPPROTO_IP, IP_MINTTL, "IP_MINTTL"},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR"},
    {AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"},
    {AF_INET6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", true},
    {AF_INET6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", true},
    {AF_INET6, IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS"},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS"},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT"},
    {AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER"},
    {AF_INET6, IPPROTO_IPV6, kTransparent6, "IPV6_TRANSPARENT"},
    {AF_INET6, IPPROTO_IPV6, kFreebind6, "IPV6_FREEBIND"},
    {0, IPPROTO_TCP, TCP_CONGESTION, "TCP_CONGESTION"},
    {0, IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"},
    {0, IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"},
    {0, IPPROTO_TCP, TCP_FASTOPEN, "TCP_FASTOPEN"},
    {0, IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2"},
    {0, IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT"},
    {0, IPPROTO_TCP, TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"},
};

// Empty: there is no such option here.
std::string get(int fd, int level, int name)
{
    std::string value(64, '\0');
    socklen_t size = static_cast<socklen_t>(value.size());
    if (sys::call(SYS_getsockopt, fd, level, name, value.data(), &size) < 0)
        return {};
    value.resize(size);
    return value;
}

int number(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    sys::check(sys::call(SYS_getsockopt, fd, level, name, &value, &size),
               [&] { return cat("read option ", name, " of level ", level); });
    return value;
}

void set(int fd, int level, int name, int value, const char *text)
{
    sys::check(sys::call(SYS_setsockopt, fd, level, name, &value, sizeof value),
               [&] { return cat("set ", text); });
}

void capture_tcp(int fd, img::inet_sk_entry &to)
{
    img::tcp_opts_entry &tcp = *to.mutable_tcp_opts();
    tcp.set_cork(number(fd, IPPROTO_TCP, TCP_CORK));
    tcp.set_nodelay(number(fd, IPPROTO_TCP, TCP_NODELAY));
    tcp.set_keepcnt(static_cast<uint32_t>(number(fd, IPPROTO_TCP, TCP_KEEPCNT)));
    tcp.set_keepidle(static_cast<uint32_t>(number(fd, IPPROTO_TCP, TCP_KEEPIDLE)));
    tcp.set_keepintvl(static_cast<uint32_t>(number(fd, IPPROTO_TCP, TCP_KEEPINTVL)));
}

void apply_tcp(int fd, const img::inet_sk_entry &from)
{
    const img::tcp_opts_entry &tcp = from.tcp_opts();
    if (tcp.nodelay())
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    if (tcp.cork())
        set(fd, IPPROTO_TCP, TCP_CORK, 1, "TCP_CORK");
    uint32_t count = tcp.has_keepcnt() ? tcp.keepcnt() : from.opts().tcp_keepcnt();
    uint32_t idle = tcp.has_keepidle() ? tcp.keepidle() : from.opts().tcp_keepidle();
    uint32_t interval = tcp.has_keepintvl() ? tcp.keepintvl() : from.opts().tcp_keepintvl();
    if (count)
        set(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(count), "TCP_KEEPCNT");
    if (idle)
        set(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle), "TCP_KEEPIDLE");
    if (interval)
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(interval), "TCP_KEEPINTVL");
}

void capture_filter(int fd, img::sk_opts_entry &to)
{
    socklen_t count = 0; // here in instructions
    long r = sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &count);
    if (r == -EACCES)
        refused("an eBPF program filters what it receives", "let the program detach it first");
    sys::check(r, "ask for its filter");
    if (!count)
        return;
    to.mutable_so_filter()->Resize(static_cast<int>(count), 0);
    sys::check(sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER,
                         to.mutable_so_filter()->mutable_data(), &count),
               "read its filter");
}

void apply_filter(int fd, const img::sk_opts_entry &from)
{
    if (!from.so_filter_size())
        return;
    sock_fprog program{static_cast<unsigned short>(from.so_filter_size()),
                       reinterpret_cast<sock_filter *>(const_cast<uint64_t *>(from.so_filter().data()))};
    sys::check(sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
               "attach its filter");
}

} // namespace

void capture_inet_options(int fd, const InetState &state, img::inet_sk_entry &to)
{
    int family = static_cast<int>(to.family());
    Fd fresh(
        static_cast<int>(sys::check(sys::call(SYS_socket, family, state.type | SOCK_CLOEXEC, state.protocol),
                                    "make a socket to compare with")));
    for (const Option &option : kOptions) {
        if ((option.family && option.family != family) ||
            (option.level == IPPROTO_TCP && state.protocol != IPPROTO_TCP) ||
            (option.datagrams && state.protocol == IPPROTO_TCP))
            continue;
        std::string value = get(fd, option.level, option.name);
        if (value == get(fresh.get(), option.level, option.name))
            continue;
        img::cr_socket_option &out = *to.mutable_opts()->add_cr_options();
        out.set_level(static_cast<uint32_t>(option.level));
        out.set_name(static_cast<uint32_t>(option.name));
        out.set_value(value);
    }
    img::ip_opts_entry &ip = *to.mutable_ip_opts();
    if (family == AF_INET6)
        to.set_v6only(number(fd, IPPROTO_IPV6, IPV6_V6ONLY));
    ip.set_freebind(number(fd, IPPROTO_IP, IP_FREEBIND));
    if (family == AF_INET) {
        ip.set_pktinfo(number(fd, IPPROTO_IP, IP_PKTINFO));
        ip.set_tos(static_cast<uint32_t>(number(fd, IPPROTO_IP, IP_TOS)));
        ip.set_ttl(static_cast<uint32_t>(number(fd, IPPROTO_IP, IP_TTL)));
    }
    if (state.protocol == IPPROTO_TCP)
        capture_tcp(fd, to);
    capture_filter(fd, *to.mutable_opts());
}

void apply_inet_options(int fd, const img::inet_sk_entry &from)
{
    if (from.family() == AF_INET6 && from.has_v6only())
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, from.v6only(), "IPV6_V6ONLY");
    if (from.ip_opts().freebind())
        set(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND");
    if (from.ip_opts().pktinfo())
        set(fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
    if (from.ip_opts().tos())
        set(fd, IPPROTO_IP, IP_TOS, static_cast<int>(from.ip_opts().tos()), "IP_TOS");
    if (int ttl = static_cast<int>(from.ip_opts().ttl()); ttl && number(fd, IPPROTO_IP, IP_TTL) != ttl)
        set(fd, IPPROTO_IP, IP_TTL, ttl, "IP_TTL");
    if (from.proto() == IPPROTO_TCP)
        apply_tcp(fd, from);
    for (const img::cr_socket_option &option : from.opts().cr_options()) {
        auto known = [&](const Option &o) {
            return o.level == static_cast<int>(option.level()) && o.name == static_cast<int>(option.name());
        };
        const Option *row = std::find_if(std::begin(kOptions), std::end(kOptions), known);
        if (row == std::end(kOptions))
            bad_image(cat("socket option ", option.name(), " of level ", option.level()));
        sys::check(sys::call(SYS_setsockopt, fd, option.level(), option.name(), option.value().data(),
                             option.value().size()),
                   [&] { return cat("set ", row->text); });
    }
    apply_filter(fd, from.opts());
}

} // namespace cr::files
