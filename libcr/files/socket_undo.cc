#include "libcr/files/socket_undo.h"

#include "libcr/base/log.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <atomic>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::files
{

struct SocketUndo::Note {
    std::atomic<int> fd;             // -1: nothing to set back
    std::atomic<bool> repair, peeks; // what was changed: TCP_REPAIR, SO_PEEK_OFF
    std::atomic<int> reuse, offset;  // SO_REUSEADDR and SO_PEEK_OFF as they were
};

long leave_repair(int fd, int reuse_address)
{
    int quietly = -1; // TCP_REPAIR_OFF_NO_WP
    long r = sys::call(SYS_setsockopt, fd, IPPROTO_TCP, TCP_REPAIR, &quietly, sizeof quietly);
    long again =
        sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &reuse_address, sizeof reuse_address);
    return r < 0 ? r : again;
}

long set_peek_offset(int fd, int offset)
{
    auto set = [&] { return sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset); };
    long r = set();
    return r < 0 ? set() : r;
}

SocketUndo::SocketUndo()
{
    long at = sys::check(
        sys::call(SYS_mmap, nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        "get memory to share");
    note_ = reinterpret_cast<Note *>(at);
    note_->fd = -1;
    ourselves_ = sys::pidfd_open(::getpid());
    // The table of descriptors is common, memory is not: what is copied there is never freed or locked.
    long pid = sys::call(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0)
        watch();
    helper_ = static_cast<pid_t>(pid);
    if (pid < 0)
        sys::call(SYS_munmap, note_, 4096);
    sys::check(pid, "start the process that watches over the sockets");
}

void SocketUndo::watch()
{
    log::speak_as("socket-undo");
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    pollfd gone{ourselves_.get(), POLLIN, 0};
    while (sys::call(SYS_poll, &gone, 1, -1) == -EINTR)
        ;
    int fd = note_->fd, offset = note_->offset;
    if (fd >= 0 && note_->repair)
        leave_repair(fd, note_->reuse);
    if (fd >= 0 && note_->peeks)
        set_peek_offset(fd, offset);
    ::_exit(0);
}

SocketUndo::~SocketUndo()
{
    // One that was not ended would be waited for without an end.
    if (sys::call(SYS_kill, helper_, SIGKILL) < 0 && sys::call(SYS_kill, helper_, SIGKILL) < 0)
        return;
    while (sys::call(SYS_wait4, helper_, nullptr, __WALL, nullptr) == -EINTR)
        ;
    sys::call(SYS_munmap, note_, 4096);
}

void SocketUndo::repair_begins(int fd, int reuse_address, int offset)
{
    note_->repair = true;
    note_->reuse = reuse_address;
    note_->peeks = offset >= 0;
    note_->offset = offset;
    note_->fd = fd;
}

void SocketUndo::peek_begins(int fd, int offset)
{
    note_->repair = false;
    note_->peeks = true;
    note_->offset = offset;
    note_->fd = fd;
}

void SocketUndo::ends() { note_->fd = -1; }

} // namespace cr::files
