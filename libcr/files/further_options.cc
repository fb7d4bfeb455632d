#include "libcr/files/further_options.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/files/kind.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

// Newer than the headers, or not in them.
constexpr int kNetlink = 270, kPacket = 263, kUdpLite = 136; // SOL_NETLINK, SOL_PACKET, SOL_UDPLITE
constexpr int kChecksum6 = 7; // IPV6_CHECKSUM

struct Option {
    int level, name;
    const char *text;
    bool datagrams = false; // TCP has no use of it
    bool last = false;
};

// In the order of setting.
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_DEBUG, "SO_DEBUG"},
    {SOL_SOCKET, SO_TIMESTAMP, "SO_TIMESTAMP"},
    {SOL_SOCKET, SO_TIMESTAMPNS, "SO_TIMESTAMPNS"},
    {SOL_SOCKET, 63, "SO_TIMESTAMP_NEW"},
    {SOL_SOCKET, 64, "SO_TIMESTAMPNS_NEW"},
    {SOL_SOCKET, SO_TIMESTAMPING, "SO_TIMESTAMPING"},
    {SOL_SOCKET, 65, "SO_TIMESTAMPING_NEW"},
    {SOL_SOCKET, SO_BUSY_POLL, "SO_BUSY_POLL"},
    {SOL_SOCKET, 69, "SO_PREFER_BUSY_POLL"},
    {SOL_SOCKET, 70, "SO_BUSY_POLL_BUDGET"},
    {SOL_SOCKET, SO_ZEROCOPY, "SO_ZEROCOPY"},
    {SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL"},
    {SOL_SOCKET, SO_PEEK_OFF, "SO_PEEK_OFF"},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, "SO_SELECT_ERR_QUEUE"},
    {SOL_SOCKET, SO_WIFI_STATUS, "SO_WIFI_STATUS"},
    {SOL_SOCKET, SO_NOFCS, "SO_NOFCS"},
    {SOL_SOCKET, SO_MAX_PACING_RATE, "SO_MAX_PACING_RATE"},
    {SOL_SOCKET, SO_TXTIME, "SO_TXTIME"},
    {SOL_SOCKET, 74, "SO_TXREHASH"},
    {SOL_SOCKET, 75, "SO_RCVMARK"},
    {SOL_SOCKET, 76, "SO_PASSPIDFD"},
    {SOL_SOCKET, 82, "SO_RCVPRIORITY"},
    {SOL_SOCKET, 83, "SO_PASSRIGHTS"},
    {SOL_SOCKET, SO_LOCK_FILTER, "SO_LOCK_FILTER", false, true},
    {IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT"},
    {IPPROTO_IPV6, kChecksum6, "IPV6_CHECKSUM"},
    {IPPROTO_IP, IP_OPTIONS, "IP_OPTIONS"},
    {IPPROTO_IP, IP_RECVOPTS, "IP_RECVOPTS"},
    {IPPROTO_IP, IP_RETOPTS, "IP_RETOPTS"},
    {IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL"},
    {IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS"},
    {IPPROTO_IP, IP_RECVERR, "IP_RECVERR"},
    {IPPROTO_IP, 26, "IP_RECVERR_RFC4884"},
    {IPPROTO_IP, IP_PASSSEC, "IP_PASSSEC"},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR"},
    {IPPROTO_IP, IP_CHECKSUM, "IP_CHECKSUM"},
    {IPPROTO_IP, IP_RECVFRAGSIZE, "IP_RECVFRAGSIZE"},
    {IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER"},
    {IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", true},
    {IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", true},
    {IPPROTO_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL", true},
    {IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF", true},
    {IPPROTO_IP, IP_UNICAST_IF, "IP_UNICAST_IF"},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT"},
    {IPPROTO_IP, 51, "IP_LOCAL_PORT_RANGE"},
    {IPPROTO_IP, IP_MINTTL, "IP_MINTTL"},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"},
    {IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR"},
    {IPPROTO_IPV6, 31, "IPV6_RECVERR_RFC4884"},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", true},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", true},
    {IPPROTO_IPV6, 29, "IPV6_MULTICAST_ALL", true},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", true},
    {IPPROTO_IPV6, 76, "IPV6_UNICAST_IF"},
    {IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS"},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS"},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT"},
    {IPPROTO_IPV6, IPV6_RECVHOPOPTS, "IPV6_RECVHOPOPTS"},
    {IPPROTO_IPV6, IPV6_RECVRTHDR, "IPV6_RECVRTHDR"},
    {IPPROTO_IPV6, IPV6_RECVDSTOPTS, "IPV6_RECVDSTOPTS"},
    {IPPROTO_IPV6, IPV6_HOPOPTS, "IPV6_HOPOPTS"},
    {IPPROTO_IPV6, IPV6_RTHDR, "IPV6_RTHDR"},
    {IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, "IPV6_RTHDRDSTOPTS"},
    {IPPROTO_IPV6, IPV6_DSTOPTS, "IPV6_DSTOPTS"},
    {IPPROTO_IPV6, IPV6_RECVPATHMTU, "IPV6_RECVPATHMTU"},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER"},
    {IPPROTO_IPV6, IPV6_DONTFRAG, "IPV6_DONTFRAG"},
    {IPPROTO_IPV6, 63, "IPV6_USE_MIN_MTU"},
    {IPPROTO_IPV6, 33, "IPV6_FLOWINFO_SEND"},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, "IPV6_AUTOFLOWLABEL"},
    {IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, "IPV6_ADDR_PREFERENCES"},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT, "IPV6_MINHOPCOUNT"},
    {IPPROTO_IPV6, IPV6_ORIGDSTADDR, "IPV6_RECVORIGDSTADDR"},
    {IPPROTO_IPV6, 75, "IPV6_TRANSPARENT"},
    {IPPROTO_IPV6, 77, "IPV6_RECVFRAGSIZE"},
    {IPPROTO_IPV6, 78, "IPV6_FREEBIND"},
    {IPPROTO_IPV6, 36, "IPV6_HDRINCL"},
    {IPPROTO_TCP, TCP_CONGESTION, "TCP_CONGESTION"},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"},
    {IPPROTO_TCP, TCP_FASTOPEN, "TCP_FASTOPEN"},
    {IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2"},
    {IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT"},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"},
    {IPPROTO_UDP, UDP_CORK, "UDP_CORK"},
    {IPPROTO_UDP, UDP_ENCAP, "UDP_ENCAP"},
    {IPPROTO_UDP, UDP_NO_CHECK6_TX, "UDP_NO_CHECK6_TX"},
    {IPPROTO_UDP, UDP_NO_CHECK6_RX, "UDP_NO_CHECK6_RX"},
    {IPPROTO_UDP, UDP_SEGMENT, "UDP_SEGMENT"},
    {IPPROTO_UDP, UDP_GRO, "UDP_GRO"},
    {kUdpLite, 10, "UDPLITE_SEND_CSCOV"},
    {kUdpLite, 11, "UDPLITE_RECV_CSCOV"},
    {kNetlink, 3, "NETLINK_PKTINFO"},
    {kNetlink, 4, "NETLINK_BROADCAST_ERROR"},
    {kNetlink, 5, "NETLINK_NO_ENOBUFS"},
    {kNetlink, 8, "NETLINK_LISTEN_ALL_NSID"},
    {kNetlink, 10, "NETLINK_CAP_ACK"},
    {kNetlink, 11, "NETLINK_EXT_ACK"},
    {kNetlink, 12, "NETLINK_GET_STRICT_CHK"},
    {kPacket, 16, "PACKET_TX_TIMESTAMP"},
    {kPacket, 19, "PACKET_TX_HAS_OFF"},
    {kPacket, 20, "PACKET_QDISC_BYPASS"},
    {kPacket, 23, "PACKET_IGNORE_OUTGOING"},
};

bool may_have(const SocketSort &sort, const Option &option)
{
    bool inet = sort.family == AF_INET || sort.family == AF_INET6;
    bool tcp = inet && sort.type == SOCK_STREAM;
    switch (option.level) {
    case IPPROTO_IP:
        return inet && !(option.datagrams && tcp);
    case IPPROTO_IPV6:
        return sort.family == AF_INET6 && !(option.datagrams && tcp);
    case IPPROTO_TCP:
        return tcp;
    case IPPROTO_UDP:
        return inet && sort.type == SOCK_DGRAM && (sort.protocol == IPPROTO_UDP || sort.protocol == IPPROTO_UDPLITE);
    case kUdpLite:
        return inet && sort.protocol == IPPROTO_UDPLITE;
    case kNetlink:
        return sort.family == AF_NETLINK;
    case kPacket:
        return sort.family == AF_PACKET;
    default:
        return true;
    }
}

// What no kernel says of an option that a socket does not have.
bool is_trouble(long result)
{
    constexpr int kTroubles[] = {ENOMEM, ENOBUFS, EIO, ESRCH, EMFILE, ENFILE, ENOSPC, EINTR, EBADF, EFAULT};
    return std::find(std::begin(kTroubles), std::end(kTroubles), -result) != std::end(kTroubles);
}

// Empty: there is no such option here. `is_there`: a socket like this has it.
std::string get(int fd, const Option &option, bool is_there)
{
    std::string value(256, '\0');
    socklen_t size = static_cast<socklen_t>(value.size());
    long r = sys::call(SYS_getsockopt, fd, option.level, option.name, value.data(), &size);
    if (r < 0) {
        if (is_trouble(r) || (is_there && (r == -EPERM || r == -EACCES)))
            failed_with(static_cast<int>(-r), cat("read ", option.text));
        return {};
    }
    value.resize(size);
    return value;
}

} // namespace

const std::vector<std::string> &OptionDefaults::of(const SocketSort &sort)
{
    std::lock_guard lock(mutex_);
    auto [place, is_new] = known_.try_emplace(sort);
    std::vector<std::string> &out = place->second;
    if (!is_new)
        return out;
    try {
        long made = sys::call(SYS_socket, sort.family, sort.type | SOCK_CLOEXEC, sort.protocol);
        if (is_trouble(made))
            failed_with(static_cast<int>(-made), "make a socket like it");
        Fd fresh(static_cast<int>(made));
        for (const Option &option : kOptions)
            out.push_back(fresh && may_have(sort, option) ? get(fresh.get(), option, false) : std::string());
    } catch (...) {
        known_.erase(place);
        throw;
    }
    return out;
}

void capture_further_options(int fd, const SocketSort &sort, OptionDefaults &defaults, img::sk_opts_entry &to)
{
    const std::vector<std::string> &usual = defaults.of(sort);
    for (size_t i = 0; i < std::size(kOptions); i++) {
        const Option &option = kOptions[i];
        if (!may_have(sort, option))
            continue;
        std::string value = get(fd, option, !usual[i].empty());
        if (value.empty() || value == usual[i])
            continue;
        img::cr_socket_option &out = *to.add_cr_options();
        out.set_level(static_cast<uint32_t>(option.level));
        out.set_name(static_cast<uint32_t>(option.name));
        out.set_value(value);
    }
}

void apply_further_options(int fd, const img::sk_opts_entry &from, bool last)
{
    for (const img::cr_socket_option &option : from.cr_options()) {
        auto known = [&](const Option &o) {
            return o.level == static_cast<int>(option.level()) && o.name == static_cast<int>(option.name());
        };
        const Option *row = std::find_if(std::begin(kOptions), std::end(kOptions), known);
        if (row == std::end(kOptions))
            bad_image(cat("socket option ", option.name(), " of level ", option.level()));
        if (row->last == last)
            sys::check(sys::call(SYS_setsockopt, fd, option.level(), option.name(), option.value().data(),
                                 option.value().size()),
                       [&] { return cat("set ", row->text); });
    }
}

namespace
{

// In instructions, or -errno.
long filter_size(int fd)
{
    socklen_t count = 0;
    long r = sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &count);
    return r < 0 ? r : static_cast<long>(count);
}

} // namespace

std::optional<Blocker> filter_blocker(const Facts &facts, int fd)
{
    if (filter_size(fd) != -EACCES)
        return std::nullopt;
    return blocker_of(facts, "an eBPF program filters what it receives", "let the program detach it first");
}

void capture_filter(int fd, img::sk_opts_entry &to)
{
    long size = sys::check(filter_size(fd), "ask for its filter");
    if (!size)
        return;
    socklen_t count = static_cast<socklen_t>(size);
    to.mutable_so_filter()->Resize(static_cast<int>(count), 0);
    sys::check(sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER,
                         to.mutable_so_filter()->mutable_data(), &count),
               "read its filter");
}

void apply_filter(int fd, const img::sk_opts_entry &from)
{
    if (!from.so_filter_size())
        return;
    if (from.so_filter_size() > BPF_MAXINSNS)
        bad_image(cat("a filter of ", from.so_filter_size(), " instructions"));
    sock_fprog program{static_cast<unsigned short>(from.so_filter_size()),
                       reinterpret_cast<sock_filter *>(const_cast<uint64_t *>(from.so_filter().data()))};
    sys::check(sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
               "attach its filter");
}

} // namespace cr::files
