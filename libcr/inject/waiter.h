// Waiting for traced threads with a limit. wait4(2) has none, so a stop is waited for by its SIGCHLD, which
// is kept blocked for the life of a Waiter and taken by rt_sigtimedwait(2):
//   1. wait4 without blocking: nothing has happened yet;
//   2. whatever happens from here on leaves a SIGCHLD pending;
//   3. rt_sigtimedwait returns at once in that case; then wait4 again.
// Several stops may share one SIGCHLD, and it says nothing about whose it was: so the only question ever
// asked is "has this thread stopped", one thread after the other; the order does not matter as all have to
// stop.
#pragma once

#include "libcr/sys/process.h"

#include <chrono>
#include <optional>

namespace cr::inject
{

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

class Waiter
{
  public:
    Waiter();
    ~Waiter();
    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;

    // The next stop or end of a traced thread, nothing when the deadline came first. A thread that is not
    // ours to wait for any more counts as ended.
    std::optional<sys::WaitStatus> wait(pid_t tid, Deadline deadline) const;
    // The same without waiting.
    static std::optional<sys::WaitStatus> poll(pid_t tid);

  private:
    uint64_t old_mask_ = 0;
};

} // namespace cr::inject
