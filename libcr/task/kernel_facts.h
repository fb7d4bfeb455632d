// The facts that otherwise calls inside the task tell, read from the kernel's own structures: for tasks under
// seccomp, whose filters may kill them for any call that is not theirs. (Suspending the filters by
// PTRACE_O_SUSPEND_SECCOMP is no way: it ends with the tracer, and code that goes on by itself after that,
// as ours must, would run into them.)
//
// It also tells how much of an interrupted sleep is left, which no call does.
#pragma once

#include "libcr/sys/kernel_memory.h"
#include "libcr/task/facts.h"
#include "libcr/task/landlock.h"

#include <optional>

namespace cr::task
{

// Made when it is first needed: that takes some milliseconds.
class KernelSource
{
  public:
    bool there();
    // Fills what gather() otherwise asks of the task. `timers` of facts have what /proc/PID/timers says.
    // Throws when the kernel does not have what this expects.
    void fill(TaskFacts &facts);
    // The same for what gather() asks of each thread, without what it asks of the process.
    void fill_threads(TaskFacts &facts);

    // The time left of the calls that threads of a stopped task were interrupted in (restart.h), where the
    // kernel has it in their restart blocks. Nothing happens where it cannot be read.
    void fill_calls(TaskFacts &facts);

    // Threads of a process that are in a Landlock domain that we are not in.
    std::vector<pid_t> in_landlock(pid_t pid);
    // Whether a process has operations on System V semaphores to be undone at its end (SEM_UNDO). False where
    // that cannot be read.
    bool has_undo_list(pid_t pid);
    // Whether a thread of the process has its system calls sent to a handler of its own: ptrace tells that
    // since Linux 6.4.
    bool dispatches_calls(pid_t pid);
    struct Requests {
        uint64_t in_flight = 0; // that have no event yet
        bool endless = false;   // some of them end only when something happens (IOCB_CMD_POLL)
    };
    // What a process whose threads stand still has asked for by io_submit(2), whose memory may be written
    // still. Nothing where that cannot be read.
    std::optional<Requests> requests(pid_t pid);
    bool loaded() const { return memory_.has_value(); }

    struct Filter {
        uint64_t address; // which object it is
        bool listener;    // whether another process listens to its decisions
    };
    // The seccomp filters of a thread of a task that was filled, the oldest first.
    std::vector<Filter> filters(const ThreadFacts &thread) const;

  private:
    Requests read_requests(pid_t pid);
    void fill_process(uint64_t task, TaskFacts &facts) const;
    void fill_memory(uint64_t mm, TaskFacts &facts) const;
    void fill_interval_timers(uint64_t signal, TaskFacts &facts) const;
    void fill_posix_timers(uint64_t signal, TaskFacts &facts) const;
    void fill_posix_timer(uint64_t timer, pid_t pid, PosixTimer &out) const;
    std::optional<uint64_t> call_left(uint64_t task, const ThreadFacts &thread) const;
    int64_t thread_time(pid_t pid, pid_t tid, int clock) const;
    NumaPolicy policy_at(uint64_t policy) const;
    void fill_thread(uint64_t task, ThreadFacts &facts) const;

    bool tried_ = false, landlock_tried_ = false;
    std::optional<sys::KernelMemory> memory_;
    std::vector<uint64_t> cpu_offsets_; // found when they are first needed
    std::optional<LandlockSearch> landlock_; // reads from memory_
};

} // namespace cr::task
