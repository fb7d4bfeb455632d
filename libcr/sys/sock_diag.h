// Lists of the sockets of this network namespace, as the kernel gives them over netlink: sock_diag(7). One request
// for all sockets of a family and protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>

struct nlmsghdr;

namespace cr::sys
{

// Asks with `body` (unix_diag_req, inet_diag_req_v2, packet_diag_req) for all, and hands each answer on. -errno
// of a kernel that has no such list.
long list_sockets(std::string_view body, const std::function<void(const nlmsghdr &)> &see);
// One request of any type, with flags of netlink. 0 or -errno.
long ask_sock_diag(uint16_t type, uint16_t flags, std::string_view body,
                   const std::function<void(const nlmsghdr &)> &see);

// Of the sockets of an internet family and protocol: by inode, what shutdown(2) has ended (bit 0: it receives no
// more, 1: it sends no more). Only those that have a port. Nothing when the kernel has no such list.
std::optional<std::map<uint32_t, uint8_t>> inet_shutdowns(int family, int protocol);

} // namespace cr::sys
