// Processes: pidfds, wait(2), memory of others, kcmp(2). Numbers that Debian 12's headers lack are given
// here.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

namespace cr::sys
{

// Each: the descriptor, or -errno.
inline long pidfd_open(pid_t pid) { return call(SYS_pidfd_open, pid, 0); }
inline long pidfd_getfd(int pidfd, int fd) { return call(SYS_pidfd_getfd, pidfd, fd, 0); }
// 0, or -errno (-ESRCH: it is gone and reaped).
inline long pidfd_send_signal(int pidfd, int signal)
{
    return call(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

// fork(2), until the child has none of these ids: its pid, 0 in it, or -errno. It may still be that one of them is
// seen taken for a moment afterwards, by a process that has ended.
long fork_outside(const std::set<pid_t> &taken);

// A status of wait(2).
class WaitStatus
{
  public:
    WaitStatus() = default;
    explicit WaitStatus(int status) : status_(status) {}
    int raw() const { return status_; }
    bool stopped() const { return WIFSTOPPED(status_); }
    bool gone() const { return WIFEXITED(status_) || WIFSIGNALED(status_); }
    int signal() const { return WSTOPSIG(status_); } // of a stop
    int event() const { return status_ >> 16; }
    // PTRACE_INTERRUPT was heard, or a stopping signal stops the whole group.
    bool event_stop() const { return stopped() && event() == PTRACE_EVENT_STOP; }
    bool group_stop() const { return event_stop() && signal() != SIGTRAP; }
    bool syscall_stop() const { return stopped() && signal() == (SIGTRAP | 0x80); }
    bool signal_stop() const { return stopped() && event() == 0 && !syscall_stop(); }
    // "killed by signal 9", "exited with 1", "stopped by signal 19"
    std::string text() const;

  private:
    int status_ = 0;
};

// The pid, 0 (with WNOHANG: nothing yet), or -errno.
inline long wait_for(pid_t pid, WaitStatus &status, int flags)
{
    int raw = 0;
    long r = call(SYS_wait4, pid, &raw, flags, nullptr);
    status = WaitStatus(raw);
    return r;
}

// Bytes copied (short at the first page that cannot be), or -errno.
inline long read_memory(pid_t pid, TargetAddr from, void *to, size_t size)
{
    iovec local{to, size}, remote{reinterpret_cast<void *>(from.value), size};
    return call(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
}
inline long write_memory(pid_t pid, TargetAddr to, const void *from, size_t size)
{
    iovec local{const_cast<void *>(from), size}, remote{reinterpret_cast<void *>(to.value), size};
    return call(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
}

enum class Kcmp : int { File = 0, Vm = 1, Files = 2, Fs = 3, Sighand = 4, Io = 5, Sysvsem = 6 };
// 0 equal, 1 and 2 an order, 3 unequal, or -errno.
inline long kcmp(pid_t a, pid_t b, Kcmp what, uint64_t fd_a = 0, uint64_t fd_b = 0)
{
    return call(SYS_kcmp, a, b, static_cast<int>(what), fd_a, fd_b);
}

struct RobustList {
    uint64_t head = 0, length = 0;
};
inline long get_robust_list(pid_t tid, RobustList &list)
{
    return call(SYS_get_robust_list, tid, &list.head, &list.length);
}

} // namespace cr::sys
