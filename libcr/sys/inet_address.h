// Addresses of the internet families as they are in packets.
#pragma once

#include <cstdint>
#include <string>

namespace cr::sys
{

struct InetEnd {
    std::string address; // 4 or 16 bytes
    uint16_t port;       // in network order
};

// Of a sockaddr_in or sockaddr_in6. An address of v4 in v6 is one of v4: such connections have packets of v4.
InetEnd inet_end(const std::string &sockaddr);

// Packets with this mark pass a locked network (net/lock.h). It is CRIU's.
inline constexpr uint32_t kPassMark = 0xc114;

} // namespace cr::sys
