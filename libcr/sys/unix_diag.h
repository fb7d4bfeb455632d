// The unix sockets of this network namespace as the kernel lists them over netlink: sock_diag(7), and
// include/uapi/linux/unix_diag.h. One request for all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cr::sys
{

struct UnixSocket {
    uint32_t inode = 0;
    uint8_t type = 0, state = 0; // SOCK_STREAM ...; 1 connected, 7 not, 10 listens (tcp_states.h)
    std::string name; // as bind(2) got it: a path, or 0 and an abstract name; empty when it has none
    std::optional<std::pair<uint32_t, uint32_t>> file; // inode and device (as the kernel has it) of the path
    uint32_t peer = 0;                                 // inode; 0: none, it is closed, or not accepted yet
    std::vector<uint32_t> waiting;   // inodes of those that connected and are not accepted yet
    uint32_t unread = 0, unsent = 0; // bytes; of a listening one the number waiting, and the most
    uint8_t shutdown = 0;            // bit 0: receives no more, 1: sends no more
};

// Throws when the kernel was built without them (CONFIG_UNIX_DIAG).
std::vector<UnixSocket> unix_sockets();

} // namespace cr::sys
