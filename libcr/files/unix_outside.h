// Unix sockets whose other end is held by a process outside of the tree, as a client of syslog or D-Bus has them. What
// becomes of them the caller of the dump says:
//
//   --external unix[INODE]     the restore is given the socket (--inherit-fd)
//   --ext-unix-sk              datagram sockets are connected again, to the same name
//   --unix-peer NAME=ACTION    by the name of the other end, a pattern of fnmatch(3):
//       reconnect              connected again; of a stream this is a new connection, so what was not read yet of
//                              the old one is lost (told at dump)
//       close                  comes back as if the other side had ended it; what was not read yet can be read
//       null                   becomes /dev/null, for those that are only written to
//
// or it is refused, with all that.
#pragma once

#include "fdinfo.pb.h"
#include "libcr/base/blocker.h"
#include "libcr/files/kind.h"
#include "libcr/sys/unix_diag.h"

#include <string>

namespace cr::files
{

enum class OutsidePeer { Refused, Given, Reconnect, Close, Null };

// `peer` is null when the kernel lists none.
OutsidePeer outside_peer(const sys::UnixSocket &socket, const sys::UnixSocket *peer, const DumpOptions &options);
Blocker outside_blocker(const Facts &facts, const sys::UnixSocket &socket, const sys::UnixSocket *peer);
// "pid 7 (syslogd), fd 3" of any process that has the socket; empty when none is found.
std::string socket_holder(uint32_t inode);

// The other end, which is made by nobody: only its name is of use.
img::file_entry outside_entry(const sys::UnixSocket &peer, uint32_t id);
// What stands in place of a socket that becomes /dev/null.
img::file_entry null_entry(const img::unix_sk_entry &socket);

} // namespace cr::files
