// Connections of a listening unix socket that nobody has accepted yet. Their sockets have no descriptor, so
// no call tells what their clients have sent, or who they were: it is read from the kernel's own structures
// (sys/kernel_memory.h), and cannot be kept where those are closed to us.
#pragma once

#include "libcr/files/socket_queue.h"
#include "libcr/files/unix_socket.h"
#include "libcr/sys/kernel_memory.h"
#include "libcr/sys/kernel_pages.h"
#include "sk-unix.pb.h"

#include <optional>
#include <vector>

namespace cr::files
{

struct WaitingClient {
    img::cr_waiting_entry entry;
    std::vector<Packet> packets; // what it has sent
};

class WaitingClients
{
  public:
    // Those of the listening socket behind `fd` that `listener` tells of, in the order in which they will be accepted,
    // while the tree stands still; who came since is not among them. Refuses what cannot be kept.
    std::vector<WaitingClient> read(const UnixSockets &sockets, const sys::UnixSocket &listener, int fd);
    // The same as a question.
    std::optional<Blocker> blocker(const Facts &facts, const UnixSockets &sockets, int fd);

  private:
    class Walk;
    bool can_read();
    bool tried_ = false;
    std::optional<sys::KernelMemory> memory_;
    std::optional<sys::KernelPages> pages_; // when they are needed
};

} // namespace cr::files
