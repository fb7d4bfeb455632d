#include "libcr/inject/freeze.h"

#include "libcr/base/log.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/inject/flight.h"
#include "libcr/inject/tree.h"
#include "libcr/sys/ptrace.h"
#include "libcr/sys/seccomp.h"

#include <algorithm>
#include <unistd.h>
#include <unordered_set>

namespace cr::inject
{

namespace pt = sys::ptrace;

namespace
{

// How long a thread may take to stop before a reason is looked for.
constexpr auto kPatience = std::chrono::milliseconds(2);

} // namespace

FrozenTree::FrozenTree(pid_t root, const FreezeOptions &options) : options_(options), root_(root)
{
    if (thread_ids(root).empty())
        failed_with(ESRCH, cat("find process ", root));
    if (auto status = status_of(root, root); status && status->tgid != root)
        throw refusal(cat(root, " is a thread of ", subject_of(status->tgid)),
                      cat("give the process: --tree ", status->tgid));
    examine(root);

    try {
        prepare_tree();
        if (options.stand_still)
            options.stand_still();
        deadline_ = Clock::now() + options.timeout;
        adopt(root);
        if (options.stand_still)
            seize_standing();
        for (bool more = true; more;) {
            for (FrozenTask &task : tasks_)
                if (!task.complete)
                    list_threads(task);
            wait_all();
            more = false;
            for (size_t i = 0; i < tasks_.size(); i++)
                if (!tasks_[i].complete)
                    more |= list_again(tasks_[i]);
            if (more && Clock::now() >= deadline_) {
                if (blockers_.empty())
                    block(Error(Error::Kind::Failed, 0, "stop the tree: it keeps making new tasks",
                                "give a longer --timeout"));
                break;
            }
        }
        drop_gone();
        read_state();
    } catch (...) {
        resume();
        throw;
    }
}

FrozenTree::~FrozenTree()
{
    if (held_)
        resume();
}

void FrozenTree::block(Error error)
{
    if (!options_.collect)
        throw error;
    // What was seen before the freeze is met once more in it.
    if (!told_.insert(error.what()).second)
        return;
    blockers_.push_back(std::move(error));
}

bool calls_may_harm(const FrozenTask &task)
{
    return std::any_of(task.threads.begin(), task.threads.end(), [](const FrozenThread &thread) {
        return thread.status.seccomp != 0 || thread.user_dispatch.mode != 0 || thread.runs_32_bit();
    });
}

// Takes a process into the tree.
FrozenTree::Found FrozenTree::adopt(pid_t pid)
{
    if (!known_.insert(pid).second)
        return Found::Known;
    FrozenTask task;
    task.pid = pid;
    long fd = sys::pidfd_open(pid);
    if (sys::is_gone(fd)) {
        known_.erase(pid); // another one may get that id
        return Found::Gone;
    }
    if (fd == -EINVAL)
        return Found::Known;
    sys::check(fd, [&] { return cat("open a pidfd of process ", pid); });
    task.pidfd = Fd(static_cast<int>(fd));
    if (pid == getpid())
        return Found::Known; // examine() has reported it
    prepare(pid);
    tasks_.push_back(std::move(task));
    return Found::New;
}

// Seizes and interrupts every thread that is not held yet. True when there may be more: the kernel skips
// threads in a list that is read while one of them ends, so that a list that told of one that is gone says
// nothing of others.
bool FrozenTree::list_threads(FrozenTask &task)
{
    if (task.state == FrozenTask::State::Zombie)
        return false;
    bool grown = false;
    std::unordered_set<pid_t> known;
    for (const FrozenThread &thread : task.threads)
        if (!thread.gone || thread.given_up)
            known.insert(thread.tid);
    for (pid_t tid : thread_ids(task.pid)) {
        if (known.count(tid))
            continue;
        FrozenThread thread;
        thread.tid = tid;
        seize(task, thread);
        if (task.state == FrozenTask::State::Zombie)
            return true;
        grown |= thread.gone;
        if (!thread.seized)
            continue;
        task.threads.push_back(std::move(thread));
        grown = true;
    }
    return grown;
}

void FrozenTree::seize(FrozenTask &task, FrozenThread &thread)
{
    auto text = [&] { return subject_of(task.pid); };
    Subject subject(text);
    long r = pt::seize(thread.tid, PTRACE_O_TRACESYSGOOD);
    if (r == -EPERM) {
        auto stat = stat_of(task.pid, thread.tid);
        auto status = status_of(task.pid, thread.tid);
        if (!stat || !status || stat->state == 'X') {
            thread.gone = true;
            return;
        }
        if (stat->state == 'Z') {
            if (thread_ids(task.pid).size() > 1)
                return; // a leader that has ended before the others
            task.state = FrozenTask::State::Zombie;
            task.stat = *stat;
            return;
        }
        if (status->tracer == gettid()) { // it executed a program and took over the id of its leader
            thread.seized = true;
        } else {
            if (!examine_thread(*status, thread.tid))
                block(Error(Error::Kind::Failed, EPERM, "trace it",
                            "run as root or with the capability CAP_SYS_PTRACE"));
            return;
        }
    } else if (sys::is_gone(r)) {
        thread.gone = true;
        return;
    } else {
        sys::check(r, "trace it");
    }
    thread.seized = true;
    r = pt::interrupt(thread.tid);
    if (!sys::is_gone(r))
        sys::check(r, "interrupt it");
}

// Looks once more at a task whose threads all stand: when there is no new one now, there will be none, and
// its children are all there. True when something was found, here or among its children.
bool FrozenTree::list_again(FrozenTask &task)
{
    if (list_threads(task))
        return true;
    task.complete = true;
    bool grown = false;
    for (const FrozenThread &thread : task.threads)
        for (pid_t child : children_of(task.pid, thread.tid))
            switch (adopt(child)) {
            case Found::Known:
                break;
            case Found::New:
                grown = true;
                break;
            case Found::Gone:
                grown = true;
                task.complete = false;
                break; // as with threads
            }
    return grown;
}

// Of a tree that stands, all threads of all tasks are there to be seen.
void FrozenTree::seize_standing()
{
    for (size_t i = 0; i < tasks_.size(); i++) {
        list_threads(tasks_[i]);
        for (size_t k = 0; k < tasks_[i].threads.size(); k++)
            for (pid_t child : children_of(tasks_[i].pid, tasks_[i].threads[k].tid))
                adopt(child);
    }
    options_.all_seized();
}

void FrozenTree::wait_all()
{
    // What was let run for the sake of another has to be waited for again.
    for (bool again = true; again;) {
        again = false;
        for (FrozenTask &task : tasks_)
            for (FrozenThread &thread : task.threads)
                if (thread.seized && !thread.stopped && !thread.gone)
                    again |= settle(task, thread, deadline_);
    }
}

// Waits for one thread to stop or end. True when others were let run for that.
bool FrozenTree::settle(FrozenTask &task, FrozenThread &thread, Deadline deadline)
{
    constexpr auto kAtLeast = std::chrono::milliseconds(10); // for those who were let run until the deadline
    deadline = std::max(deadline, Clock::now() + kAtLeast);
    std::vector<FrozenTask *> running;
    for (;;) {
        auto status = waiter_.wait(thread.tid, std::min(deadline, Clock::now() + kPatience));
        if (status) {
            arrived(task, thread, *status);
        } else if (Clock::now() >= deadline) {
            std::string text = subject_of(task.pid);
            Subject subject(text);
            block(why_not_stopped(task, thread));
            thread.gone = thread.given_up = true;
        } else {
            if (options_.heed)
                options_.heed();
            help(task, thread);
            auto stat = stat_of(task.pid, thread.tid);
            // A leader's end is not told while other threads are there.
            if (stat && stat->state == 'Z' && thread.tid == task.pid)
                thread.gone = true;
            if (stat && stat->state == 'D' && running.empty())
                for (FrozenTask *child : vfork_children(task)) {
                    for (FrozenThread &t : child->threads)
                        if (t.stopped && pt::cont(t.tid) == 0)
                            t.stopped = false;
                    child->complete = false;
                    running.push_back(child);
                }
        }
        if (thread.stopped || thread.gone)
            break;
    }
    for (FrozenTask *child : running)
        for (FrozenThread &t : child->threads)
            if (!t.gone)
                pt::interrupt(t.tid); // and wait_all() comes by again
    return !running.empty();
}

// Looks at the other threads of a process of which one does not stop: one that executes a program waits for
// the others to end, and they for us to see it.
void FrozenTree::help(FrozenTask &task, FrozenThread &thread)
{
    for (FrozenThread &other : task.threads)
        if (&other != &thread && other.seized && !other.gone)
            if (auto status = Waiter::poll(other.tid))
                arrived(task, other, *status);
}

void FrozenTree::arrived(FrozenTask &task, FrozenThread &thread, sys::WaitStatus status)
{
    if (status.gone()) {
        thread.gone = true;
    } else if (status.event_stop()) {
        thread.stopped = true;
        thread.group_stopped = status.group_stop();
        if (thread.group_stopped)
            task.stop_signal = status.signal();
    } else {
        // A signal was on its way: it is delivered as if we were not there. Any stop cancels an interruption
        // that is still to come, so that one is asked for again; it comes before the handler's first
        // instruction.
        pt::interrupt(thread.tid);
        pt::cont(thread.tid, status.signal_stop() ? status.signal() : 0);
    }
}

// Tasks of the tree that were born by vfork(2) (or with CLONE_VM | CLONE_VFORK) and still use the memory of
// `task`.
std::vector<FrozenTask *> FrozenTree::vfork_children(const FrozenTask &task)
{
    std::vector<FrozenTask *> out;
    auto children = children_of(task.pid);
    for (FrozenTask &other : tasks_)
        if (std::count(children.begin(), children.end(), other.pid) &&
            sys::kcmp(task.pid, other.pid, sys::Kcmp::Vm) == 0)
            out.push_back(&other);
    return out;
}

Error FrozenTree::why_not_stopped(const FrozenTask &task, const FrozenThread &thread) const
{
    auto failure = [](std::string what, std::string remedy) {
        return Error(Error::Kind::Failed, 0, std::move(what), std::move(remedy));
    };
    for (pid_t child : children_of(task.pid, thread.tid))
        if (sys::kcmp(task.pid, child, sys::Kcmp::Vm) == 0)
            return failure(
                cat("stop it: it waits in vfork(2) for ", subject_of(child)),
                "try again when that one has executed a program or ended, or give a longer --timeout");
    auto stat = stat_of(task.pid, thread.tid);
    std::string where = wchan_of(task.pid, thread.tid);
    if (stat && stat->state == 'D')
        return failure(cat("stop it: it is in uninterruptible sleep", where.empty() ? "" : " in ", where),
                       "try again when that has ended, or give a longer --timeout");
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.timeout).count();
    return failure(cat("stop it within ", seconds, " s"), "give a longer --timeout");
}

void FrozenTree::drop_gone()
{
    auto gone = [](const FrozenThread &t) { return t.gone; };
    for (FrozenTask &task : tasks_)
        task.threads.erase(std::remove_if(task.threads.begin(), task.threads.end(), gone),
                           task.threads.end());
    pid_t root = tasks_.empty() ? 0 : tasks_.front().pid;
    std::erase_if(tasks_, [](const FrozenTask &task) {
        return task.threads.empty() && task.state != FrozenTask::State::Zombie;
    });
    if (tasks_.empty() || tasks_.front().pid != root) {
        if (blockers_.empty())
            failed_with(ESRCH, "freeze the tree: its root process has ended meanwhile");
    } else if (tasks_.front().state == FrozenTask::State::Zombie) {
        block(refusal("the process has ended already and waits for its parent to take note of that"));
    }
}

// Everything stands: registers first, as they have to be mended, then what /proc says.
void FrozenTree::read_state()
{
    for (FrozenTask &task : tasks_) {
        auto text = [&] { return subject_of(task.pid); };
        Subject subject(text);
        if (auto stat = stat_of(task.pid))
            task.stat = std::move(*stat);
        task.ppid = task.stat.ppid;
        if (auto status = status_of(task.pid, task.pid))
            task.vpid = status->ns_pid.empty() ? task.pid : status->ns_pid.back();
        if (task.state == FrozenTask::State::Zombie)
            continue;
        try {
            read_threads(task);
        } catch (const Error &) {
            if (blockers_.empty())
                throw;
            task.threads.clear(); // it was let run for one that is in the way
        }
    }
    if (!blockers_.empty())
        drop_gone();
}

void FrozenTree::read_threads(FrozenTask &task)
{
    task.memory = sys::ProcMem(task.reader());
    try {
        task.pad = find_pad(task.reader(), task.memory, vdso_);
        vdso_ = task.pad.vdso;
    } catch (const Error &) {
        // Whoever wants to make calls in it will be told.
    }
    for (FrozenThread &thread : task.threads)
        capture_landed(task, thread);
    std::vector<std::optional<proc::Status>> statuses(task.threads.size());
    parallel_for(statuses.size(), [&](size_t i) { statuses[i] = status_of(task.pid, task.threads[i].tid); });
    for (size_t i = 0; i < statuses.size(); i++) {
        FrozenThread &thread = task.threads[i];
        auto &status = statuses[i];
        if (!status)
            failed_with(ESRCH, "freeze it: it was killed meanwhile");
        thread.status = std::move(*status);
        thread.vtid = thread.status.ns_pid.empty() ? thread.tid : thread.status.ns_pid.back();
        if (thread.status.seccomp && !thread.runs_32_bit())
            avoid_restart_call(thread);
        bool code_32 = thread.runs_32_bit();
        if (code_32 && task.pad.size)
            block(refusal("it runs 32-bit code in a 64-bit process", "not supported yet"));
        else if (code_32 && thread.status.seccomp)
            block(refusal("it runs 32-bit code under seccomp", "not supported yet"));
        else if (code_32 != task.threads.front().runs_32_bit())
            block(refusal("only some of its threads run 32-bit code", "try again"));
        else if (!code_32 && thread.regs.cs != sys::kCode64)
            block(refusal(cat("it runs code of an unknown segment, ", hex(thread.regs.cs))));
        if (thread.group_stopped)
            task.state = FrozenTask::State::Stopped;
    }
}

// A sleep that was interrupted goes on by restart_syscall(2), of which filters know nothing as a rule: one
// that would not let it pass has the call made again instead, from its beginning. (So a stop and continue
// kills such a thread, and so does our death before this.)
void FrozenTree::avoid_restart_call(FrozenThread &thread)
{
    if (static_cast<int64_t>(thread.regs.rax) != kRestartBlock || !thread.in_syscall())
        return;
    constexpr uint32_t kArchX86_64 = 0xc000003e; // AUDIT_ARCH_X86_64
    seccomp_data call{
        SYS_restart_syscall,
        kArchX86_64,
        thread.regs.rip,
        {thread.regs.rdi, thread.regs.rsi, thread.regs.rdx, thread.regs.r10, thread.regs.r8, thread.regs.r9}};
    bool passes = true;
    for (const sys::SeccompFilter &filter : sys::seccomp_filters(thread.tid)) {
        uint32_t answer = sys::evaluate(filter.code, call) & SECCOMP_RET_ACTION_FULL;
        passes &= answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
    }
    if (passes)
        return;
    thread.regs.rax = static_cast<uint64_t>(kRestartNoHand);
    sys::check(pt::set_registers(thread.tid, thread.regs), "have its sleep made again");
}

// Captures a thread, which may have to come out of an earlier capture first (flight.h).
void FrozenTree::capture_landed(FrozenTask &task, FrozenThread &thread)
{
    Deadline deadline = Clock::now() + std::chrono::seconds(2);
    constexpr timespec kFlight{0, 200000};
    for (;;) {
        if (capture(thread) < 0 || thread.gone)
            failed_with(ESRCH, "freeze it: it was killed meanwhile");
        if (!task.pad.size || !is_in_flight(thread, task.pad))
            return;
        if (Clock::now() > deadline)
            failed_with(EBUSY, "freeze it: it is not back yet from an earlier capture that was killed",
                        "try again");
        sys::check(pt::cont(thread.tid), "let it run");
        thread.stopped = false;
        sys::call(SYS_nanosleep, &kFlight, nullptr);
        sys::check(pt::interrupt(thread.tid), "interrupt it");
        settle(task, thread, deadline);
    }
}

} // namespace cr::inject
