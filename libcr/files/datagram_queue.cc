#include "libcr/files/datagram_queue.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/files/inet_socket.h"
#include "libcr/files/ip_packet.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/tree.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/inet_address.h"
#include "libcr/sys/sock_diag.h"

#include <array>
#include <cstring>
#include <ctime>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kBufLock = 72;       // SO_BUF_LOCK
constexpr int kMemInfo = 55;       // SO_MEMINFO, Linux 4.12
constexpr int kMulticastAll6 = 29; // IPV6_MULTICAST_ALL

void set(int fd, int level, int name, const void *value, size_t size)
{
    sys::call(SYS_setsockopt, fd, level, name, value, size);
}

} // namespace

void close_to_others(int fd)
{
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_MARK)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sys::kPassMark, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, ~0u),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    sock_fprog program{std::size(code), code};
    sys::check(sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
               "keep others from sending to it");
}

namespace
{

// Bytes of memory that what it has received takes up.
uint32_t memory_in_use(int fd)
{
    std::array<uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    sys::check(sys::call(SYS_getsockopt, fd, SOL_SOCKET, kMemInfo, info.data(), &size), "read SO_MEMINFO");
    return info[SK_MEMINFO_RMEM_ALLOC];
}

// What was sent over loopback is there at once, but on a busy machine.
bool has_arrived(int fd, uint32_t before)
{
    constexpr int kTries = 2000;
    constexpr timespec kPause{0, 1'000'000};
    for (int tries = 0; memory_in_use(fd) <= before; tries++) {
        if (tries == kTries)
            return false;
        sys::call(SYS_nanosleep, &kPause, nullptr);
    }
    return true;
}

sa_family_t family_of(const std::string &address)
{
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, address.data(), std::min(address.size(), sizeof family));
    return family;
}

template <class Address> std::string bytes_of(const Address &address)
{
    return {reinterpret_cast<const char *>(&address), sizeof address};
}

// Where a datagram to this socket is sent: where it went, as far as that is known.
std::string destination_of(const img::inet_sk_entry &socket, const Packet &packet, sa_family_t family,
                           in_port_t port)
{
    std::string at = unmapped(packet.destination.empty() ? local_address(socket) : packet.destination);
    if (family == AF_INET) {
        sockaddr_in out{};
        if (at.size() == sizeof out && family_of(at) == family)
            std::memcpy(&out, at.data(), sizeof out);
        out.sin_family = family;
        out.sin_port = port;
        if (!out.sin_addr.s_addr)
            out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return bytes_of(out);
    }
    sockaddr_in6 out{};
    if (at.size() == sizeof out && family_of(at) == family)
        std::memcpy(&out, at.data(), sizeof out);
    out.sin6_family = family;
    out.sin6_port = port;
    out.sin6_scope_id = 0;
    if (IN6_IS_ADDR_UNSPECIFIED(&out.sin6_addr))
        out.sin6_addr = in6addr_loopback;
    return bytes_of(out);
}

IpPacket packet_for(const img::inet_sk_entry &socket, const Packet &packet, in_port_t port)
{
    IpPacket out;
    out.source = unmapped(packet.source);
    sa_family_t family = family_of(out.source);
    if (!(family == AF_INET && out.source.size() == sizeof(sockaddr_in)) &&
        !(family == AF_INET6 && out.source.size() == sizeof(sockaddr_in6)))
        bad_image(cat("a datagram in socket ", socket.ino(), " without the address of its sender"));
    out.protocol = static_cast<uint8_t>(socket.proto() ? socket.proto() : uint32_t{IPPROTO_UDP});
    out.destination = destination_of(socket, packet, family, port);
    out.bytes = packet.bytes;
    out.ttl = packet.ttl;
    out.tos = packet.tos;
    return out;
}

// For as long as it lives the socket takes what comes from loopback, and as much as there is.
class Changed
{
  public:
    Changed(int fd, const img::sk_opts_entry &options) : fd_(fd), options_(options)
    {
        int room = INT32_MAX / 2, on = 1, off = 0;
        room_ = socket_option(fd, SO_RCVBUF) / 2;
        socklen_t size = sizeof device_, four = sizeof all_, six = sizeof all6_;
        sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, device_, &size);
        sys::call(SYS_getsockopt, fd, IPPROTO_IP, IP_MULTICAST_ALL, &all_, &four);
        sys::call(SYS_getsockopt, fd, IPPROTO_IPV6, kMulticastAll6, &all6_, &six);
        four = sizeof late_port_;
        sys::call(SYS_getsockopt, fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late_port_, &four);
        set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &off, sizeof off);
        set(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        set(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0);
        set(fd, IPPROTO_IP, IP_MULTICAST_ALL, &on, sizeof on);
        set(fd, IPPROTO_IPV6, kMulticastAll6, &on, sizeof on);
    }
    ~Changed()
    {
        int nothing = 0;
        set(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room_, sizeof room_);
        if (options_.has_so_buf_lock())
            set(fd_, SOL_SOCKET, kBufLock, &(nothing = static_cast<int>(options_.so_buf_lock())), sizeof nothing);
        set(fd_, SOL_SOCKET, SO_BINDTODEVICE, device_, std::strlen(device_));
        set(fd_, IPPROTO_IP, IP_MULTICAST_ALL, &all_, sizeof all_);
        set(fd_, IPPROTO_IPV6, kMulticastAll6, &all6_, sizeof all6_);
        set(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late_port_, sizeof late_port_);
    }
    Changed(const Changed &) = delete;
    Changed &operator=(const Changed &) = delete;

  private:
    int fd_, room_, all_ = 1, all6_ = 1, late_port_ = 0;
    char device_[IF_NAMESIZE] = "";
    const img::sk_opts_entry &options_;
};

// A port that no other socket has, for as long as it lives: those that share one (SO_REUSEPORT), or a group,
// would get what is meant for this. Afterwards the socket is as if it was never bound, and keeps what it has
// received.
class PortOfItsOwn
{
  public:
    PortOfItsOwn(int fd, uint32_t family) : fd_(fd)
    {
        for (auto &[name, value] : shares_) {
            int off = 0;
            value = socket_option(fd, name);
            set(fd, SOL_SOCKET, name, &off, sizeof off);
        }
        sockaddr_in6 address{};
        address.sin6_family = static_cast<sa_family_t>(family);
        socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof address;
        sys::check(sys::call(SYS_bind, fd, &address, size), "bind a socket to a port");
        sys::check(sys::call(SYS_getsockname, fd, &address, &size), "ask for the port of a socket");
        port_ = address.sin6_port; // at the same place in both families
    }
    ~PortOfItsOwn()
    {
        sockaddr nobody{};
        nobody.sa_family = AF_UNSPEC;
        sys::call(SYS_connect, fd_, &nobody, sizeof nobody);
        for (auto &[name, value] : shares_)
            set(fd_, SOL_SOCKET, name, &value, sizeof value);
    }
    PortOfItsOwn(const PortOfItsOwn &) = delete;
    PortOfItsOwn &operator=(const PortOfItsOwn &) = delete;
    in_port_t port() const { return port_; }

  private:
    int fd_;
    in_port_t port_ = 0;
    std::pair<int, int> shares_[2] = {{SO_REUSEADDR, 0}, {SO_REUSEPORT, 0}}; // and how they were
};
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

// Errors of earlier packets, and packets that cannot come back.
void warn_of_lost(int fd, bool packets)
{
    pollfd poll{fd, POLLIN, 0};
    sys::check(sys::call(SYS_poll, &poll, 1, 0), "ask whether there are errors");
    if (poll.revents & POLLERR)
        log::warning(Subject::current(), ": errors that nobody has read yet (MSG_ERRQUEUE) are not kept");
    if (packets && poll.revents & POLLIN)
        log::warning(Subject::current(), ": packets that nobody has read yet are not kept");
}

} // namespace

void Datagrams::capture(Description &description)
{
    auto what = [&] { return description.facts.subject(); };
    Subject subject(what);
    Fd copy = tree_.take(description.facts);
    img::inet_sk_entry &isk = *description.entry.mutable_isk();
    int family = static_cast<int>(isk.family()), protocol = static_cast<int>(isk.proto());
    bool udp = isk.type() == SOCK_DGRAM && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
    if (udp) {
        auto [place, is_new] = shutdowns_.try_emplace({family, protocol});
        if (is_new)
            place->second = sys::inet_shutdowns(family, protocol);
        if (!place->second)
            log::warning(Subject::current(),
                         ": this kernel does not tell whether it was shut down (no udp_diag), "
                         "which is not kept");
        else if (auto found = place->second->find(isk.ino()); found != place->second->end() && found->second)
            isk.set_shutdown(static_cast<img::sk_shutdown>(found->second & 3));
    }
    if (!groups_)
        groups_ = MulticastGroups::read();
    groups_->capture(copy.get(), isk);
    warn_of_lost(copy.get(), !udp);
    if (udp)
        for (const Packet &packet : read_queue(copy.get(), SOCK_DGRAM, undo_))
            put_packet(tree_.socket_queues(), description.entry.id(), packet);
}

size_t deliver(int fd, const img::inet_sk_entry &socket, const std::vector<Packet> &packets)
{
    Changed changed(fd, socket.opts());
    PortOfItsOwn own(fd, socket.family());
    std::map<sa_family_t, PacketSender> senders;
    for (size_t came = 0; came < packets.size(); came++) {
        IpPacket ip = packet_for(socket, packets[came], own.port());
        sa_family_t family = family_of(ip.source);
        uint32_t before = memory_in_use(fd);
        long r = senders.try_emplace(family, family).first->second.send(ip);
        if (r < 0 || !has_arrived(fd, before))
            return came;
    }
    return packets.size();
}

} // namespace cr::files
