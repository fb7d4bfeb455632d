// Descriptors on their way in unix sockets (SCM_RIGHTS): sent and not received yet. Looking at a message
// (MSG_PEEK) gives us copies of them, and as long as we have those, each is looked at like a descriptor of a
// task: one of ours, with our pid. What is carried may be a unix socket, which carries more, or itself.
//
// fdinfo says how many a socket carries (scm_fds, since Linux 5.6), so that only the queues of those sockets
// are read that carry any.
//
// Such a queue is looked at twice, in the search for blockers and by the dump, and the kernel shows an empty
// packet behind others only once. So a socket that has descriptors and empty packets is refused.
#pragma once

#include "libcr/base/blocker.h"
#include "libcr/files/facts.h"
#include "libcr/files/socket_queue.h"

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace cr::files
{

class Carried
{
  public:
    // What the unix socket behind `socket` carries, and what that carries, and so on; `fd` is a copy of it.
    void look(const Facts &socket, int fd);
    // Of descriptors of ours, which stay open as long as this lives, in the order in which they were found.
    const std::vector<Facts> &found() const { return found_; }
    const std::vector<Blocker> &blockers() const { return blockers_; }
    // What waits in a socket that carries something; null for all others.
    const std::vector<Packet> *packets(uint32_t inode) const;

  private:
    void ask(const Facts &socket, int fd);

    std::optional<TaskFiles> ours_;
    std::optional<SocketUndo> undo_;
    std::vector<Facts> found_;
    std::vector<Blocker> blockers_;
    std::map<uint32_t, std::vector<Packet>> queues_;
    std::set<uint32_t> asked_; // sockets, by inode
};

} // namespace cr::files
