#include "libcr/files/tty_queues.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <termios.h>

namespace cr::files
{

namespace
{

constexpr uint64_t kRing = 4096;        // N_TTY_BUF_SIZE
constexpr size_t kMaxBuffers = 1 << 20; // the kernel's limit is 64 KiB for each terminal
constexpr int kMaxChain = 10000;

} // namespace

bool TtyQueues::there()
{
    if (!tried_)
        if (auto made = sys::KernelMemory::make(); made && made->has("n_tty_data", "read_buf"))
            memory_.emplace(std::move(*made));
    tried_ = true;
    return memory_.has_value();
}

void TtyQueues::read_ring(uint64_t tty, TtyQueue &out) const
{
    const sys::KernelMemory &m = *memory_;
    auto ldata = m.get<uint64_t>(tty, "tty_struct", "disc_data");
    if (!ldata)
        return;
    auto head = m.get<uint64_t>(ldata, "n_tty_data", "read_head"),
         tail = m.get<uint64_t>(ldata, "n_tty_data", "read_tail");
    auto canon_head = m.get<uint64_t>(ldata, "n_tty_data", "canon_head");
    bool canonical = m.get<uint32_t>(tty, "tty_struct", "termios.c_lflag") & ICANON;
    if (head - tail > kRing)
        failed_with(0, "understand the kernel's terminal: its ring is too full");
    if (head == tail)
        return;
    char ring[kRing];
    uint64_t flags[kRing / 64];
    m.read(ldata + m.offset("n_tty_data", "read_buf"), ring, sizeof ring);
    m.read(ldata + m.offset("n_tty_data", "read_flags"), flags, sizeof flags);
    for (uint64_t at = tail; at != head; at++) {
        uint64_t i = at % kRing;
        bool ends_line = canonical && at < canon_head && (flags[i / 64] >> (i % 64) & 1);
        if (ends_line && ring[i] != '\n')
            out.line_ends.push_back(static_cast<uint32_t>(out.data.size()));
        out.data += ring[i];
    }
}

void TtyQueues::read_buffers(uint64_t tty, TtyQueue &out) const
{
    const sys::KernelMemory &m = *memory_;
    auto port = m.get<uint64_t>(tty, "tty_struct", "port");
    auto buffer = m.get<uint64_t>(port, "tty_port", "buf.head");
    for (int i = 0; buffer && i < kMaxChain; i++) {
        auto commit = m.get<int>(buffer, "tty_buffer", "commit"),
             read = m.get<int>(buffer, "tty_buffer", "read");
        if (read >= 0 && commit > read &&
            out.data.size() + static_cast<size_t>(commit - read) < kMaxBuffers) {
            std::string bytes(static_cast<size_t>(commit - read), '\0');
            m.read(buffer + m.offset("tty_buffer", "data") + static_cast<uint64_t>(read), bytes.data(),
                   bytes.size());
            out.data += bytes;
        }
        buffer = m.get<uint64_t>(buffer, "tty_buffer", "next");
    }
}

TtyQueue TtyQueues::queue_of(uint64_t tty) const
{
    TtyQueue out;
    read_ring(tty, out);
    out.received = static_cast<uint32_t>(out.data.size());
    read_buffers(tty, out);
    return out;
}

PtyState TtyQueues::read(pid_t pid, int fd)
{
    if (!there())
        failed_with(ENOSYS, "read what waits in a terminal");
    const sys::KernelMemory &m = *memory_;
    std::vector<sys::KernelMemory::Thread> threads = m.threads(pid);
    if (threads.empty())
        failed_with(ESRCH, "find its terminal in the kernel");
    auto files = m.get<uint64_t>(threads.front().task, "task_struct", "files");
    auto table = m.get<uint64_t>(files, "files_struct", "fdt");
    auto numbers = m.get<uint64_t>(table, "fdtable", "fd");
    auto file = m.get<uint64_t>(numbers + 8 * static_cast<uint64_t>(fd));
    auto mine = m.get<uint64_t>(file, "file", "private_data");
    auto master = m.get<uint64_t>(mine, "tty_file_private", "tty");
    auto slave = m.get<uint64_t>(master, "tty_struct", "link");
    PtyState out;
    out.output = queue_of(master);
    out.input = queue_of(slave);
    out.stopped = m.bit(slave, "tty_struct", "flow.stopped");
    return out;
}

} // namespace cr::files
