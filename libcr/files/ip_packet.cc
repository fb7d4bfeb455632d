#include "libcr/files/ip_packet.h"

#include "libcr/sys/gate.h"
#include "libcr/sys/inet_address.h"

#include <algorithm>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kHeaderIncluded6 = 36; // IPV6_HDRINCL

template <class Address> Address as(const std::string &address)
{
    Address out{};
    std::memcpy(&out, address.data(), std::min(address.size(), sizeof out));
    return out;
}

template <class T> void append(std::string &to, const T &value)
{
    to.append(reinterpret_cast<const char *>(&value), sizeof value);
}

// The internet checksum of RFC 1071.
uint16_t checksum(const std::string &bytes)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        uint16_t word = 0;
        std::memcpy(&word, bytes.data() + i, std::min<size_t>(2, bytes.size() - i));
        sum += word;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

struct Ends {
    std::string pseudo; // both addresses, as the checksum wants them
    uint16_t source_port, destination_port;
};

template <class Address, class Member> Ends ends_of(const IpPacket &packet, Member member, uint16_t Address::*port)
{
    auto source = as<Address>(packet.source), destination = as<Address>(packet.destination);
    Ends out{{}, source.*port, destination.*port};
    append(out.pseudo, source.*member);
    append(out.pseudo, destination.*member);
    return out;
}

// Without its ports and checksum. Of UDP-Lite the length is what the checksum covers: 0, all of it.
std::string transport_header(const IpPacket &packet)
{
    if (packet.protocol == IPPROTO_TCP)
        return packet.tcp;
    udphdr header{};
    if (packet.protocol != IPPROTO_UDPLITE)
        header.len = htons(static_cast<uint16_t>(sizeof header + packet.bytes.size()));
    std::string out;
    append(out, header);
    return out;
}

std::string transport(const IpPacket &packet, const Ends &ends)
{
    std::string out = transport_header(packet), summed = ends.pseudo;
    static_assert(offsetof(tcphdr, dest) == offsetof(udphdr, dest) && !offsetof(tcphdr, source) &&
                  !offsetof(udphdr, source));
    std::memcpy(out.data(), &ends.source_port, sizeof ends.source_port);
    std::memcpy(out.data() + offsetof(udphdr, dest), &ends.destination_port, sizeof ends.destination_port);
    append(summed, htonl(static_cast<uint32_t>(out.size() + packet.bytes.size())));
    append(summed, htonl(packet.protocol));
    uint16_t sum = checksum(summed + out + packet.bytes);
    bool tcp = packet.protocol == IPPROTO_TCP;
    if (!sum && !tcp)
        sum = 0xffff; // 0 says that there is none
    std::memcpy(out.data() + (tcp ? offsetof(tcphdr, check) : offsetof(udphdr, check)), &sum, sizeof sum);
    return out + packet.bytes;
}

bool is_ip6(const std::string &address) { return as<sockaddr>(address).sa_family == AF_INET6; }

// Whether an address is of many: a group, or everybody.
bool is_shared(const std::string &address)
{
    if (is_ip6(address))
        return as<sockaddr_in6>(address).sin6_addr.s6_addr[0] == 0xff;
    uint32_t in = ntohl(as<sockaddr_in>(address).sin_addr.s_addr);
    return IN_MULTICAST(in) || in == INADDR_BROADCAST;
}

long set(const Fd &fd, int level, int name, const void *value, size_t size)
{
    return sys::call(SYS_setsockopt, fd.get(), level, name, value, size);
}

} // namespace

std::string as_it_travels(const IpPacket &packet)
{
    std::string out;
    if (is_ip6(packet.destination)) {
        Ends ends = ends_of(packet, &sockaddr_in6::sin6_addr, &sockaddr_in6::sin6_port);
        std::string body = transport(packet, ends);
        ip6_hdr header{};
        header.ip6_flow = htonl(6u << 28 | static_cast<uint32_t>(std::max(packet.tos, 0) & 0xff) << 20);
        header.ip6_plen = htons(static_cast<uint16_t>(body.size()));
        header.ip6_nxt = packet.protocol;
        header.ip6_hlim = static_cast<uint8_t>(packet.ttl < 0 ? 64 : packet.ttl);
        header.ip6_src = as<sockaddr_in6>(packet.source).sin6_addr;
        header.ip6_dst = as<sockaddr_in6>(packet.destination).sin6_addr;
        append(out, header);
        return out + body;
    }
    Ends ends = ends_of(packet, &sockaddr_in::sin_addr, &sockaddr_in::sin_port);
    std::string body = transport(packet, ends);
    iphdr header{};
    header.version = 4;
    header.ihl = sizeof header / 4;
    header.tos = static_cast<uint8_t>(std::max(packet.tos, 0));
    header.tot_len = htons(static_cast<uint16_t>(sizeof header + body.size()));
    header.ttl = static_cast<uint8_t>(packet.ttl < 0 ? 64 : packet.ttl);
    header.protocol = packet.protocol;
    header.saddr = as<sockaddr_in>(packet.source).sin_addr.s_addr;
    header.daddr = as<sockaddr_in>(packet.destination).sin_addr.s_addr;
    append(out, header);
    uint16_t sum = checksum(out);
    std::memcpy(out.data() + offsetof(iphdr, check), &sum, sizeof sum);
    return out + body;
}

PacketSender::PacketSender(int family)
    : family_(family), fd_(static_cast<int>(sys::check(
                           sys::call(SYS_socket, family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
                           "make a raw socket to send packets by")))
{
    int on = 1, mark = sys::kPassMark, room = 1 << 20;
    bool six = family == AF_INET6;
    sys::check(set(fd_, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? kHeaderIncluded6 : IP_HDRINCL, &on, sizeof on),
               "send packets as they are");
    sys::check(set(fd_, SOL_SOCKET, SO_MARK, &mark, sizeof mark), "mark packets");
    sys::check(set(fd_, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo"), "use the loopback interface");
    set(fd_, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    set(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
}

long PacketSender::send(const IpPacket &packet)
{
    // What is for a group arrives where somebody has joined it.
    if (is_shared(packet.destination) && joined_ != packet.destination) {
        group_req group{};
        group.gr_interface = ::if_nametoindex("lo");
        std::memcpy(&group.gr_group, packet.destination.data(), packet.destination.size());
        set(fd_, family_ == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof group);
        joined_ = packet.destination;
    }
    std::string bytes = as_it_travels(packet), to = packet.destination;
    if (family_ == AF_INET6) { // where the port would be a protocol, and the scope another interface
        auto address = as<sockaddr_in6>(to);
        address.sin6_port = 0;
        address.sin6_scope_id = 0;
        to.assign(reinterpret_cast<char *>(&address), sizeof address);
    }
    long n = sys::call(SYS_sendto, fd_.get(), bytes.data(), bytes.size(), 0, to.data(), to.size());
    return n < 0 ? n : 0;
}

std::string unmapped(const std::string &address)
{
    auto six = as<sockaddr_in6>(address);
    if (address.empty() || six.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
        return address;
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = six.sin6_port;
    std::memcpy(&out.sin_addr, six.sin6_addr.s6_addr + 12, sizeof out.sin_addr);
    return {reinterpret_cast<char *>(&out), sizeof out};
}

} // namespace cr::files
