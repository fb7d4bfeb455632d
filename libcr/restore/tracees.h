// The restored tasks as their coordinator sees them: all traced from birth with PTRACE_O_EXITKILL, so that
// nothing is left of them should we die, and followed by wait(2) until their programs have done their work.
//
// A process that is cloned by a traced one is traced too (TRACEFORK, TRACECLONE); each birth shows as an
// event stop of the cloner and a first stop of the child. Threads are seized at the end only: the death of
// any traced thread's tracer kills the whole process.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/error.h"
#include "libcr/sys/process.h"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>
#include <sys/user.h>
#include <vector>

namespace cr::restore
{

struct Expected {
    std::set<pid_t> processes;     // all of them
    size_t births = 0;             // processes cloned by tasks (all but the root)
    std::map<pid_t, int> endings;  // zombies and helpers: the wait status that each ends with
    std::map<pid_t, size_t> fills; // how often a task stops itself by SIGSTOP to have its memory filled
    bool seccomp = false;          // tasks will be under seccomp, which is suspended until they are let go
    std::set<pid_t> clone_events;  // tasks that clone with CLONE_PARENT or another exit signal
};

// A system call instruction in the vDSO of a task: `syscall`, or for 32-bit code `int $0x80`, with which only
// a few calls can be made.
struct CallPlace {
    TargetAddr insn;
    bool code_32 = false;

    // Has a thread with these registers make a call there; `nr` is the 64-bit number.
    void call(user_regs_struct &regs, long nr, const std::array<uint64_t, 5> &arguments) const;
};

class Tracees
{
  public:
    // `explain` is asked why when a task ends that should not.
    Tracees(pid_t root, Expected expected, std::function<void(pid_t)> fill,
            std::function<std::optional<Error>()> explain);
    // Kills what is still traced and waits for it, unless released.
    ~Tracees();
    Tracees(const Tracees &) = delete;
    Tracees &operator=(const Tracees &) = delete;

    void seize_root();
    // Follows births, memory stops and endings until there are no more to come, then waits until `word` in
    // the shared region (counted by the programs) has reached `target`.
    void attend(const volatile uint32_t *word, uint32_t target);
    // Seizes those of {tid, tgid} pairs that are no leaders, so that no thread of them is held to its filters
    // while it is ours.
    void suspend_seccomp(const std::vector<std::pair<pid_t, pid_t>> &threads);
    // Stops every thread of every task: {tid, tgid} pairs, leaders included.
    void stop_all(const std::vector<std::pair<pid_t, pid_t>> &threads);
    // Has a task that stands make one system call from outside of its program; its result.
    long call_in(pid_t pid, const CallPlace &place, long nr, const std::array<uint64_t, 5> &arguments);
    // Stops a process as SIGSTOP does, all of its threads (the leader first) being held already.
    void stop_group(const std::vector<pid_t> &threads);
    // Has threads begin system calls, by registers with their numbers in rax, and interrupts them at once;
    // the ids of those whose call the kernel will go on with by restart_syscall(2). All are stopped as
    // before.
    std::set<pid_t> begin_calls(const std::map<pid_t, user_regs_struct> &calls);
    void clear_exitkill(const std::vector<std::pair<pid_t, pid_t>> &threads);
    void detach(const std::vector<std::pair<pid_t, pid_t>> &threads);
    // Processes that are alive now.
    const std::set<pid_t> &alive() const { return alive_; }
    // Called for each process but the root at its birth, before it runs.
    void at_birth(std::function<void(pid_t)> born) { born_ = std::move(born); }
    // A process of ours that is not a task (the opener); its end is a failure too.
    void also_ours(pid_t pid, std::string name) { ours_[pid] = std::move(name); }

  private:
    void handle(pid_t pid, sys::WaitStatus status);
    void on_stop(pid_t pid, sys::WaitStatus status);
    bool quiet() const;
    uint64_t options() const;
    void seize_thread(pid_t tid);
    void wait_stopped(pid_t tid);
    void wait_syscall_stop(pid_t pid);

    pid_t root_;
    Expected expected_;
    std::function<void(pid_t)> fill_, born_;
    std::function<std::optional<Error>()> explain_;
    std::set<pid_t> alive_;
    std::set<pid_t> seized_threads_;
    std::map<pid_t, std::string> ours_;
    size_t events_ = 0, first_stops_ = 0;
    bool released_ = false;
};

} // namespace cr::restore
