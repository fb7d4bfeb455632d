// States of a socket of the tree that are changed for a few calls only: they belong to the socket, not to our
// copy of it, and would stay if we were killed in between. So a process beside us, with the same descriptors,
// knows what to set back, and does that when we are gone.
#pragma once

#include "libcr/base/fd.h"

#include <sys/types.h>

namespace cr::files
{

class SocketUndo
{
  public:
    SocketUndo();
    ~SocketUndo();
    SocketUndo(const SocketUndo &) = delete;
    SocketUndo &operator=(const SocketUndo &) = delete;

    // From now on TCP_REPAIR is to be switched off on `fd`, which also loses SO_REUSEADDR, and, unless `offset` is
    // negative, SO_PEEK_OFF to be set back to that.
    void repair_begins(int fd, int reuse_address, int offset);
    void repair_ends() { ends(); }
    // From now on SO_PEEK_OFF of `fd` is to be set back to `offset`.
    void peek_begins(int fd, int offset);
    void peek_ends() { ends(); }

  private:
    struct Note;
    void ends();
    void watch();
    Note *note_ = nullptr; // shared with the other process
    Fd ourselves_;         // the same descriptor there
    pid_t helper_ = 0;
};

// Leaves repair mode without sending anything, and sets SO_REUSEADDR as it was. The first failure's -errno.
long leave_repair(int fd, int reuse_address);
// SO_PEEK_OFF, in a second try if need be, as nobody else would set it back. 0 or -errno.
long set_peek_offset(int fd, int offset);

} // namespace cr::files
