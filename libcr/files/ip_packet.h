// Packets as they travel: built here with whatever source address they shall have, and given to the kernel by a
// raw socket that takes them as they are (IP_HDRINCL, IPV6_HDRINCL). One that is for an address of this machine
// goes over loopback and is not asked where it came from.
//
// They carry a mark that a filter or the lock of a network lets through, the same as CRIU's.
#pragma once

#include "libcr/base/fd.h"

#include <cstdint>
#include <string>

namespace cr::files
{

struct IpPacket {
    uint8_t protocol = 0;            // IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_TCP
    std::string source, destination; // sockaddr_in or sockaddr_in6, both of one family
    std::string bytes;
    int ttl = -1, tos = -1; // hop limit and traffic class; -1: as usual
    std::string tcp; // the header of TCP, as tcphdr; ports and checksum are filled in
};

// Header of IP, header of the protocol with its checksum, bytes.
std::string as_it_travels(const IpPacket &packet);

// Sends such packets. Nothing that it sends leaves the machine.
class PacketSender
{
  public:
    // `family`: AF_INET or AF_INET6. Needs CAP_NET_RAW and CAP_NET_ADMIN.
    explicit PacketSender(int family);
    // -errno of what failed.
    long send(const IpPacket &packet);

  private:
    int family_;
    Fd fd_;
    std::string joined_; // the group that was joined last
};

// "::ffff:1.2.3.4" as the address of IPv4 that it is; others as they are.
std::string unmapped(const std::string &address);

} // namespace cr::files
