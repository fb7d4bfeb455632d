// Probes of what is known about sockets and network namespaces. All sockets are unconnected or talk to
// themselves.
#include "libcr/feature/probes.h"
#include "libcr/feature/trial.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::feature::probe
{

namespace
{

// Numbers that Debian 12's headers of the C library lack.
constexpr int kBufferLock = 72, kFreebind6 = 78, kRepairWindow = 29;
constexpr unsigned long kUnixFile = 0x89e0, kSocketNs = 0x894c;

long set(const Fd &fd, int level, int option, int value)
{
    return sys::call(SYS_setsockopt, fd.get(), level, option, &value, sizeof value);
}

long get(const Fd &fd, int level, int option, void *to, socklen_t size)
{
    return sys::call(SYS_getsockopt, fd.get(), level, option, to, &size);
}

long ask_inet_diag(int protocol)
{
    inet_diag_req_v2 request{};
    request.sdiag_family = AF_INET;
    request.sdiag_protocol = static_cast<uint8_t>(protocol);
    request.idiag_states = ~0u;
    return ask_netlink(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request);
}

// A descriptor is the answer.
long fetch_ns(long fd, unsigned long request)
{
    if (fd < 0)
        return fd;
    Fd from(static_cast<int>(fd));
    long ns = sys::call(SYS_ioctl, from.get(), request, 0);
    if (ns >= 0)
        Fd(static_cast<int>(ns)).reset();
    return ns;
}

// Both ends of a connection over the loopback device.
long connect_to_self(Fd &client, Fd &server)
{
    Fd listener = socket_of(AF_INET, SOCK_STREAM, 0);
    client = socket_of(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    long r = sys::call(SYS_bind, listener.get(), &address, size);
    if (r >= 0)
        r = sys::call(SYS_listen, listener.get(), 1);
    if (r >= 0)
        r = sys::call(SYS_getsockname, listener.get(), &address, &size);
    if (r >= 0)
        r = sys::call(SYS_connect, client.get(), &address, size);
    if (r >= 0)
        r = sys::call(SYS_accept4, listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (r >= 0)
        server = Fd(static_cast<int>(r));
    return r;
}

} // namespace

long sock_diag()
{
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = ~0u;
    long r = ask_netlink(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request);
    for (int protocol : {IPPROTO_TCP, IPPROTO_UDP})
        if (r >= 0)
            r = ask_inet_diag(protocol);
    return r;
}

long net_diag_raw() { return ask_inet_diag(IPPROTO_RAW); }

long socket_ns()
{
    return fetch_ns(sys::call(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), kSocketNs);
}

// A socket without a name has no file: a kernel that knows the question says so.
long unix_file()
{
    Fd socket = socket_of(AF_UNIX, SOCK_STREAM, 0);
    long r = sys::call(SYS_ioctl, socket.get(), kUnixFile, 0);
    return r == -ENOENT ? 0 : r;
}

long buffer_lock() { return set(socket_of(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, kBufferLock, 1); }

long peek_off() { return set(socket_of(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, SO_PEEK_OFF, 0); }

long tcp_repair()
{
    Fd socket = socket_of(AF_INET, SOCK_STREAM, 0);
    uint32_t stamp;
    long r = set(socket, IPPROTO_TCP, TCP_REPAIR, 1);
    return r < 0 ? r : get(socket, IPPROTO_TCP, TCP_TIMESTAMP, &stamp, sizeof stamp);
}

long tcp_window()
{
    Fd socket = socket_of(AF_INET, SOCK_STREAM, 0);
    uint32_t window[5]; // struct tcp_repair_window
    long r = set(socket, IPPROTO_TCP, TCP_REPAIR, 1);
    return r < 0 ? r : get(socket, IPPROTO_TCP, kRepairWindow, window, sizeof window);
}

long tcp_half_closed()
{
    Fd client, server;
    long r = connect_to_self(client, server);
    if (r >= 0)
        r = sys::call(SYS_shutdown, client.get(), SHUT_WR);
    return r < 0 ? r : set(client, IPPROTO_TCP, TCP_REPAIR, 1);
}

long ipv6_freebind() { return set(socket_of(AF_INET6, SOCK_STREAM, 0), IPPROTO_IPV6, kFreebind6, 1); }

// What number does our own network namespace have here?
long nsid()
{
    long ns = sys::try_open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
    if (ns < 0)
        return ns;
    Fd fd(static_cast<int>(ns));
    struct {
        rtgenmsg header{};
        uint8_t padding[3]{};
        nlattr attribute{NLA_HDRLEN + 4, NETNSA_FD};
        uint32_t fd = 0;
    } request;
    request.fd = static_cast<uint32_t>(fd.get());
    return ask_netlink(NETLINK_ROUTE, RTM_GETNSID, 0, &request, sizeof request);
}

// A link of a namespace that is named by its number here; our own gets one in a namespace of the child's.
long link_nsid()
{
    return in_child([] {
        long r = sys::call(SYS_unshare, CLONE_NEWNET);
        constexpr uint32_t kNumber = 7;
        struct {
            rtgenmsg header{};
            uint8_t padding[3]{};
            nlattr number{NLA_HDRLEN + 4, NETNSA_NSID};
            uint32_t nsid = kNumber;
            nlattr pid{NLA_HDRLEN + 4, NETNSA_PID};
            uint32_t who = static_cast<uint32_t>(sys::call(SYS_getpid));
        } name;
        if (r >= 0)
            r = ask_netlink(NETLINK_ROUTE, RTM_NEWNSID, NLM_F_ACK, &name, sizeof name);
        struct {
            ifinfomsg header{};
            nlattr number{NLA_HDRLEN + 4, IFLA_IF_NETNSID};
            uint32_t nsid = kNumber;
        } link;
        link.header.ifi_index = 1;
        return r < 0 ? r : ask_netlink(NETLINK_ROUTE, RTM_GETLINK, 0, &link, sizeof link);
    });
}

long external_net_ns()
{
    long r = socket_ns();
    return r < 0 ? r : nsid();
}

long new_ifindex()
{
    return in_child([] {
        long r = sys::call(SYS_unshare, CLONE_NEWNET);
        struct {
            ifinfomsg header{};
            nlattr info{NLA_HDRLEN * 2 + 8, IFLA_LINKINFO};
            nlattr kind{NLA_HDRLEN + 5, IFLA_INFO_KIND};
            char name[8] = "veth";
        } link;
        link.header.ifi_index = 10;
        return r < 0 ? r
                     : ask_netlink(NETLINK_ROUTE, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &link,
                                   sizeof link);
    });
}

// Of a namespace of the child's: asking makes the tables. The answer is a struct ipt_getinfo, whose header
// does not go together with that of the C library.
long iptables_legacy()
{
    return in_child([] {
        constexpr int kGetInfo = 64; // IPT_SO_GET_INFO
        long r = sys::call(SYS_unshare, CLONE_NEWNET);
        char info[84] = "filter";
        return r < 0 ? r
                     : get(socket_of(AF_INET, SOCK_RAW, IPPROTO_RAW), SOL_IP, kGetInfo, info, sizeof info);
    });
}

long nftables()
{
    nfgenmsg request{};
    return ask_netlink(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, &request,
                       sizeof request);
}

long tun()
{
    long fd = sys::try_open_at(AT_FDCWD, "/dev/net/tun", O_RDWR);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return fd;
}

long tun_ns() { return fetch_ns(sys::try_open_at(AT_FDCWD, "/dev/net/tun", O_RDWR), kSocketNs); }

} // namespace cr::feature::probe
