// TCP sockets as the kernel lists them (sock_diag(7)).
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace cr::sys
{

// Inodes of those that sign what they send by MD5 keys (TCP_MD5SIG), which only this tells. Needs
// CAP_NET_ADMIN; a kernel that does not tell has none.
std::set<uint32_t> tcp_with_md5_keys();

// The peer, as sockaddr, of a connection that is being made (SYN_SENT), which getpeername(2) does not tell; empty:
// there is no such socket.
std::string peer_of_new(uint32_t inode);

// What is left of connections whose process has ended keeps a port busy for a minute (TIME_WAIT), and the
// kernel ends it at once when it is asked to (SOCK_DESTROY).
// Ends the connections of nobody, closed by both sides, that have the local port `port`. Kernels that cannot
// do that leave them.
void end_remains(int family, uint16_t port);

} // namespace cr::sys
