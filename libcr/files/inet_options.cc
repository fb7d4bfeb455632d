// Options of the levels IP, IPv6 and TCP that have a field in CRIU's messages; see further_options.h for the others.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/further_options.h"
#include "libcr/files/inet_socket.h"
#include "libcr/sys/gate.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

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

constexpr int kChecksum6 = 7; // IPV6_CHECKSUM

// ICMP_FILTER of 32 bits, or ICMP6_FILTER of 256.
void capture_raw(int fd, int family, int protocol, img::inet_sk_entry &to)
{
    img::ip_opts_raw_entry &raw = *to.mutable_ip_opts()->mutable_raw();
    uint32_t words[8] = {};
    socklen_t size = sizeof words;
    if (family == AF_INET) {
        raw.set_hdrincl(number(fd, IPPROTO_IP, IP_HDRINCL));
        raw.set_nodefrag(number(fd, IPPROTO_IP, IP_NODEFRAG));
        if (protocol != IPPROTO_ICMP || sys::call(SYS_getsockopt, fd, SOL_RAW, ICMP_FILTER, words, &size) < 0)
            return;
    } else {
        int offset = number(fd, IPPROTO_IPV6, kChecksum6);
        raw.set_checksum(offset >= 0);
        if (protocol != IPPROTO_ICMPV6 ||
            sys::call(SYS_getsockopt, fd, IPPROTO_ICMPV6, ICMP6_FILTER, words, &size) < 0)
            return;
    }
    for (size_t i = 0; i < size / sizeof *words; i++)
        raw.add_icmpv_filter(words[i]);
}

void apply_raw(int fd, const img::inet_sk_entry &from)
{
    const img::ip_opts_raw_entry &raw = from.ip_opts().raw();
    // A new socket of IPPROTO_RAW has it.
    if (raw.has_hdrincl() && from.family() == AF_INET)
        set(fd, IPPROTO_IP, IP_HDRINCL, raw.hdrincl(), "IP_HDRINCL");
    if (raw.nodefrag() && from.family() == AF_INET)
        set(fd, IPPROTO_IP, IP_NODEFRAG, 1, "IP_NODEFRAG");
    if (raw.icmpv_filter_size() > 8)
        bad_image(cat("a filter of ICMP of ", raw.icmpv_filter_size(), " words"));
    if (raw.icmpv_filter_size())
        sys::check(sys::call(SYS_setsockopt, fd, from.family() == AF_INET ? SOL_RAW : IPPROTO_ICMPV6,
                             from.family() == AF_INET ? ICMP_FILTER : ICMP6_FILTER, raw.icmpv_filter().data(),
                             raw.icmpv_filter_size() * sizeof(uint32_t)),
                   "set the filter of ICMP");
}

} // namespace

void capture_inet_options(int fd, int family, const InetState &state, OptionDefaults &defaults,
                          img::inet_sk_entry &to)
{
    capture_further_options(fd, {family, state.type, state.protocol}, defaults, *to.mutable_opts());
    img::ip_opts_entry &ip = *to.mutable_ip_opts();
    if (family == AF_INET6)
        to.set_v6only(number(fd, IPPROTO_IPV6, IPV6_V6ONLY));
    if (family == AF_INET || state.type != SOCK_RAW) { // those of IPv6 know no options of IP
        ip.set_freebind(number(fd, IPPROTO_IP, IP_FREEBIND));
        ip.set_pktinfo(number(fd, IPPROTO_IP, IP_PKTINFO));
        ip.set_tos(static_cast<uint32_t>(number(fd, IPPROTO_IP, IP_TOS)));
        ip.set_ttl(static_cast<uint32_t>(number(fd, IPPROTO_IP, IP_TTL)));
    }
    if (state.type == SOCK_STREAM)
        capture_tcp(fd, to);
    if (state.type == SOCK_RAW)
        capture_raw(fd, family, state.protocol, to);
    capture_filter(fd, *to.mutable_opts());
}

void apply_inet_options(int fd, const img::inet_sk_entry &from)
{
    if (from.family() == AF_INET6 && from.has_v6only() && from.type() != SOCK_RAW)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, from.v6only(), "IPV6_V6ONLY");
    if (from.ip_opts().freebind())
        set(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND");
    if (from.ip_opts().pktinfo())
        set(fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
    if (from.ip_opts().tos())
        set(fd, IPPROTO_IP, IP_TOS, static_cast<int>(from.ip_opts().tos()), "IP_TOS");
    if (int ttl = static_cast<int>(from.ip_opts().ttl()); ttl && number(fd, IPPROTO_IP, IP_TTL) != ttl)
        set(fd, IPPROTO_IP, IP_TTL, ttl, "IP_TTL");
    if (from.type() == SOCK_STREAM)
        apply_tcp(fd, from);
    if (from.type() == SOCK_RAW)
        apply_raw(fd, from);
    apply_further_options(fd, from.opts());
    apply_filter(fd, from.opts());
}

} // namespace cr::files
