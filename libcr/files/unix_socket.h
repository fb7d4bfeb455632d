// Unix sockets. Which socket is joined to which, names and queue lengths come from one list of the kernel's
// (sys/unix_diag.h), options and queues from a copy of each descriptor.
//
// On restore all is made in the opener. A pair of streams comes from socketpair(2), or, where one of them has
// a name (which a connection inherits from the socket that listened), from a listening one of that name made
// for the purpose. When every description is there, names are bound again and queues filled, from the other
// end; shutdowns and options come last, when nothing is sent any more.
//
// Image: unix_sk_entry, sk-queues.img.
//
// Descriptors on their way in one (SCM_RIGHTS) are files of the image like others: carried.h. They are sent again when
// every file is there, so it does not matter who carries whom. Connections that nobody has accepted yet: waiting.h; who
// is at the other end (SO_PEERCRED): stand_in.h.
//
// Not kept: an empty datagram behind others that was looked at before, by the program or an earlier dump: the kernel
// then passes over it.
#pragma once

#include "libcr/files/kind.h"
#include "libcr/sys/unix_diag.h"

#include <functional>
#include <map>

namespace cr::files
{

inline constexpr uint32_t kUnixConnected = 1, kUnixListens = 10; // states: TCP_ESTABLISHED, TCP_LISTEN
// Of uflags: its other end, outside of the tree; one that a plugin restores (USK_EXTERN, USK_CALLBACK).
inline constexpr uint32_t kUnixOutside = 1, kUnixOfPlugin = 4;

class UnixSockets
{
  public:
    UnixSockets(); // as they are now
    const sys::UnixSocket *find(uint32_t inode) const;
    // The listening socket that `client` waits at to be accepted; null when there is none.
    const sys::UnixSocket *waits_at(uint32_t client) const;

  private:
    std::vector<sys::UnixSocket> all_; // by inode
    std::map<uint32_t, uint32_t> waiting_;
};

using InTree = std::function<bool(uint32_t inode)>;

// Why a socket cannot be kept; nothing when it can.
std::optional<Blocker> unix_blocker(const Facts &facts, const UnixSockets &sockets, const InTree &in_tree,
                                    const DumpOptions &options);

// ---- restore ----
void check_unix(const img::file_entry &entry, const Plan &plan);
void open_unix(const img::file_entry &entry, Opener &opener);
void arm_unix(const img::file_entry &entry, Opener &opener);
void finish_unix(const img::file_entry &entry, Opener &opener);

} // namespace cr::files
