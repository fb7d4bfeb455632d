// Who makes sure that a restore leaves a whole tree or nothing, should its coordinator die at the worst
// moment.
//
// Until the end every task is traced with PTRACE_O_EXITKILL: our death is theirs, and the kernel sees to it.
// But a tracer lets go of its tasks one by one, and dying in the middle of that would leave a part alive. So
// at the end:
//   1. a guardian process takes pidfds of all tasks and watches the coordinator;
//   2. EXITKILL is taken off all tasks. Coordinator dead now: the guardian kills them all;
//   3. one byte shared with the guardian (and the opener) is set. From here on everybody lives;
//   4. the tasks are detached; whoever is not when the coordinator dies is let go by the kernel.
#pragma once

#include "libcr/base/fd.h"

#include <sys/types.h>
#include <vector>

namespace cr::restore
{

// The byte. Shared with all processes that are forked while it is there.
class Commitment
{
  public:
    Commitment();
    ~Commitment();
    Commitment(const Commitment &) = delete;
    Commitment &operator=(const Commitment &) = delete;
    void make() { *byte_ = 1; }
    bool is_made() const { return *byte_; }

  private:
    volatile unsigned char *byte_;
};

class Guardian
{
  public:
    // Forks the guardian; returns when it watches.
    Guardian(const std::vector<pid_t> &tasks, const Commitment &commitment);
    ~Guardian(); // ends the guardian, which does nothing more

    Guardian(const Guardian &) = delete;
    Guardian &operator=(const Guardian &) = delete;

  private:
    [[noreturn]] void watch(const std::vector<pid_t> &tasks, int coordinator, int ready);
    const Commitment &commitment_;
    pid_t pid_ = 0;
    Fd pidfd_;
};

} // namespace cr::restore
