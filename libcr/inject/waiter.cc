#include "libcr/inject/waiter.h"

#include <algorithm>
#include <csignal>
#include <sys/syscall.h>
#include <time.h>

namespace cr::inject
{

namespace
{

constexpr uint64_t kChildMask = 1ull << (SIGCHLD - 1);

// As rt_sigaction(2) takes it.
struct KernelSigaction {
    uint64_t handler, flags, restorer, mask;
};

} // namespace

Waiter::Waiter()
{
    // No SIGCHLD is sent when it is ignored.
    KernelSigaction action{};
    sys::check(sys::call(SYS_rt_sigaction, SIGCHLD, nullptr, &action, 8), "read the action of SIGCHLD");
    if (action.handler == 1 || (action.flags & SA_NOCLDSTOP)) {
        action = {};
        sys::check(sys::call(SYS_rt_sigaction, SIGCHLD, &action, nullptr, 8), "set the action of SIGCHLD");
    }
    sys::check(sys::call(SYS_rt_sigprocmask, SIG_BLOCK, &kChildMask, &old_mask_, 8), "block SIGCHLD");
}

Waiter::~Waiter()
{
    if (!(old_mask_ & kChildMask))
        sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, &kChildMask, nullptr, 8);
}

std::optional<sys::WaitStatus> Waiter::poll(pid_t tid)
{
    sys::WaitStatus status;
    long r = sys::wait_for(tid, status, WNOHANG | __WALL);
    if (r == tid)
        return status;
    if (r == -ECHILD)
        return sys::WaitStatus(0); // "exited with 0"
    if (r < 0 && r != -EINTR)
        sys::check(r, "wait for a traced thread");
    return std::nullopt;
}

std::optional<sys::WaitStatus> Waiter::wait(pid_t tid, Deadline deadline) const
{
    // Another thread of this process may have taken the SIGCHLD: look again every now and then.
    constexpr auto kSlice = std::chrono::milliseconds(5);
    for (;;) {
        if (auto status = poll(tid))
            return status;
        auto now = Clock::now();
        if (now >= deadline)
            return std::nullopt;
        auto left = std::min<Clock::duration>(deadline - now, kSlice);
        timespec limit{0, static_cast<long>(std::chrono::nanoseconds(left).count())};
        sys::call(SYS_rt_sigtimedwait, &kChildMask, nullptr, &limit, 8);
    }
}

} // namespace cr::inject
