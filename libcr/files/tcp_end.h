// The end of a connection's other side, heard again: the kernel has no call for it, so the packet with the
// peer's FIN is made here and sent to ourselves through the loopback device (raw sockets, CAP_NET_RAW). It
// has the mark that a locked network lets pass.
#pragma once

#include "libcr/files/tcp_stream.h"

#include <string>

namespace cr::files
{

// Addresses as sockaddr. Returns when the socket has noted the end.
void hear_end(int fd, const std::string &local, const std::string &peer, const TcpStream &stream);

} // namespace cr::files
