// Stopping a tree of processes: every thread of every descendant, while they go on making new ones.
//
// There is no atomic way. Passes over /proc are repeated: seize and interrupt every thread that is not known
// yet, all of them, then wait for all, then list threads and children again. A process whose threads all
// stand makes nothing new, so a pass that finds nothing new has the whole tree. (PTRACE_O_TRACEFORK would
// make fewer passes but leaves children that stop by themselves.)
//
// What can be in the way, and what becomes of it:
//   - traced by another, kernel threads, ourselves: found before anything is touched;
//   - a thread in vfork(2) stops only when its child executes a program or ends: the child, which has the
//   same
//     memory, is let run so long;
//   - one that executes a program waits until its other threads are reaped, which is our duty as their
//   tracer;
//   - one in uninterruptible sleep: told after the timeout.
// Each is an Error of its own; in any case the tree goes on as before.
//
// Stopped tasks need no living tracer: when we die, the kernel lets all of them run. What is stopped by a
// signal (state T) stays stopped.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/inject/pad.h"
#include "libcr/inject/thread.h"
#include "libcr/inject/waiter.h"
#include "libcr/sys/procmem.h"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace cr::inject
{

struct FrozenTask {
    enum class State { Alive, Stopped, Zombie };

    pid_t pid = 0, ppid = 0;
    pid_t vpid = 0; // in its own pid namespace
    Fd pidfd;
    State state = State::Alive;
    int stop_signal = 0; // of a stopped one
    proc::Stat stat;
    sys::ProcMem memory;               // none of a zombie
    std::vector<FrozenThread> threads; // the leader first, unless it has ended; none of a zombie

    // The first living thread: by its id everybody asks for memory, descriptors and directories, which the
    // main thread has no more when it has ended before the others.
    pid_t reader() const { return threads.empty() ? pid : threads.front().tid; }
    bool leader_dead() const { return reader() != pid; }

    // The first task of the tree that has the same memory: itself, unless the two share it.
    pid_t memory_of = 0;

    Pad pad; // where code can be put into it; size 0 when there is no such place

    bool complete = false; // nothing new can come from it

    const proc::Status &status() const { return threads.front().status; }
};

// Whether a thread of it is under seccomp, so that calls made in it may kill it, or has its calls sent to a
// handler of its own (PR_SET_SYSCALL_USER_DISPATCH), to which ours would come as well, or runs 32-bit code,
// to which ours knows no way back.
bool calls_may_harm(const FrozenTask &task);

struct FreezeOptions {
    std::chrono::milliseconds timeout{10000};
    std::vector<pid_t> stages; // other processes of the session: they must not be in the tree
    bool collect = false;      // find all blockers (blockers()) instead of throwing the first
    // Of each process that lives, the first time that it is seen; what it throws is in the way. Those that are there
    // to begin with are prepared before anything is stopped, and it takes no time of the timeout.
    std::function<void(pid_t)> prepare;
    // Stops the tree by something else than ptrace, or finds it stopped so. all_seized() is called when all of it is
    // seized, and will stop as soon as that something lets it.
    std::function<void()> stand_still, all_seized;
    std::function<void()> before_resume; // called before the tasks are let go
    std::function<void()> heed; // called now and then while it waits; may throw
};

class FrozenTree
{
  public:
    // Throws (Refused or Failed) what is in the way, the tree being as before. With options.collect the tree
    // is held as far as it goes, and blockers() tells.
    explicit FrozenTree(pid_t root, const FreezeOptions &options = {});
    ~FrozenTree();
    FrozenTree(const FrozenTree &) = delete;
    FrozenTree &operator=(const FrozenTree &) = delete;

    // Parents before their children. References stay valid.
    std::deque<FrozenTask> &tasks() { return tasks_; }
    const std::deque<FrozenTask> &tasks() const { return tasks_; }
    const std::vector<Error> &blockers() const { return blockers_; }
    const Waiter &waiter() const { return waiter_; }

    // Each ends the tree's being held. All threads go on; those of stopped tasks stay stopped.
    void resume();
    // From now on our death is theirs.
    void doom();
    // All tasks end, and are gone (but for zombies that their parent has to reap).
    void kill();
    // All tasks stop by SIGSTOP.
    void leave_stopped();

    // A sentence when a task ended while it was held, else empty.
    std::string trouble();

  private:
    void examine(pid_t pid);
    void examine_process(pid_t pid);
    void prepare(pid_t pid);
    void prepare_tree();
    bool is_inside(pid_t id) const; // a process or thread, of the tree
    bool examine_thread(const proc::Status &status, pid_t tid);
    void block(Error error);
    enum class Found { Known, New, Gone };
    Found adopt(pid_t pid);
    bool list_threads(FrozenTask &task);
    bool list_again(FrozenTask &task);
    void seize_standing();
    void seize(FrozenTask &task, FrozenThread &thread);
    void wait_all();
    bool settle(FrozenTask &task, FrozenThread &thread, Deadline deadline);
    void arrived(FrozenTask &task, FrozenThread &thread, sys::WaitStatus status);
    void help(FrozenTask &task, FrozenThread &thread);
    Error why_not_stopped(const FrozenTask &task, const FrozenThread &thread) const;
    std::vector<FrozenTask *> vfork_children(const FrozenTask &task);
    void read_state();
    void read_threads(FrozenTask &task);
    void capture_landed(FrozenTask &task, FrozenThread &thread);
    void avoid_restart_call(FrozenThread &thread);
    void drop_gone();

    FreezeOptions options_;
    pid_t root_;
    Waiter waiter_;
    std::deque<FrozenTask> tasks_;
    Deadline deadline_ = Deadline::max();
    std::set<pid_t> prepared_;
    std::set<pid_t> known_; // pids in tasks_, and those that were given up
    std::vector<Error> blockers_;
    std::set<std::string> told_; // what they say
    TargetAddr vdso_;            // of the task before: children have it at the same place
    bool held_ = true;
};

} // namespace cr::inject
