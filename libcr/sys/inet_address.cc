#include "libcr/sys/inet_address.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>

namespace cr::sys
{

InetEnd inet_end(const std::string &sockaddr)
{
    sockaddr_in in{};
    std::memcpy(&in, sockaddr.data(), std::min(sockaddr.size(), sizeof in));
    if (in.sin_family == AF_INET)
        return {std::string(reinterpret_cast<const char *>(&in.sin_addr), 4), in.sin_port};
    sockaddr_in6 in6{};
    std::memcpy(&in6, sockaddr.data(), std::min(sockaddr.size(), sizeof in6));
    std::string address(reinterpret_cast<const char *>(&in6.sin6_addr), 16);
    return {IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? address.substr(12) : address, in6.sin6_port};
}

} // namespace cr::sys
