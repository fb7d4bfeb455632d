// What waits in a pseudo terminal: input that was typed and not read, output that the master's owner has not
// read. No call looks at it without taking it, so it is read from the kernel's own structures (KernelMemory).
//
// A terminal keeps it at two places: in the line discipline's ring (struct n_tty_data, 4 KiB), which has been
// edited, echoed and cut into lines already, and in the buffers before it (struct tty_port.buf), which have
// not. In canonical mode a bitmap says which characters of the ring end a line: new lines, and others that
// only the bitmap tells from ordinary ones (an end-of-file is there as a 0).
#pragma once

#include "libcr/sys/kernel_memory.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cr::files
{

struct TtyQueue {
    std::string data;                // the ring, then the buffers before it
    uint32_t received = 0;           // bytes of it that are from the ring
    std::vector<uint32_t> line_ends; // offsets of characters that end a line and are no new line
};

struct PtyState {
    TtyQueue input, output; // for the slave's readers, for the master's
    bool stopped = false;
};

class TtyQueues
{
  public:
    // Whether the kernel can be asked.
    bool there();
    // Of the pty whose master is descriptor `fd` of a stopped task.
    PtyState read(pid_t pid, int fd);

  private:
    TtyQueue queue_of(uint64_t tty) const;
    void read_ring(uint64_t tty, TtyQueue &out) const;
    void read_buffers(uint64_t tty, TtyQueue &out) const;

    std::optional<sys::KernelMemory> memory_;
    bool tried_ = false;
};

} // namespace cr::files
