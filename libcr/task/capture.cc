#include "libcr/task/capture.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/inject/run.h"
#include "libcr/proc/limits.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/timers.h"
#include "libcr/sys/gate.h"
#include "libcr/task/keyrings.h"
#include "libcr/task/ldt.h"
#include "libcr/task/machine_share.h"
#include "libcr/task/numa.h"
#include "libcr/task/registers.h"
#include "libcr/task/restart.h"
#include "libcr/task/thread_flags.h"

#include <algorithm>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/time.h>

namespace cr::task
{

namespace
{

constexpr int kMembarrierGetRegistrations = 1 << 9; // MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3
constexpr int kGetMdwe = 66, kGetMemoryMerge = 68;  // PR_GET_MDWE (Linux 6.3), PR_GET_MEMORY_MERGE (6.4)
struct Barrier {
    int command;
    uint32_t registration;
};
constexpr Barrier kBarriers[] = {
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ}};
constexpr size_t kKernelSigsetSize = 8;
// Of a task with more, the threads besides the leader are neither woken up for questions nor looked up in
// /proc if the kernel can be asked instead, which takes some milliseconds to prepare.
constexpr size_t kAskedThreads = 64;

// ---- what only the task itself can tell
// ----------------------------------------------------------------------

// Questions to every thread, and where the answers are.
struct ThreadQuestions {
    inject::Calls::Out altstack, tid_address, pdeath, securebits;
    NumaQuestion numa;
    FlagQuestions flags;
    KeyringQuestions keyrings;

    explicit ThreadQuestions(inject::Calls &calls) : numa(calls), flags(calls), keyrings(calls)
    {
        altstack = calls.out(sizeof(stack_t));
        tid_address = calls.out(8);
        pdeath = calls.out(4);
        calls.sys(SYS_sigaltstack, {0, altstack});
        calls.sys(SYS_prctl, {PR_GET_TID_ADDRESS, tid_address, 0, 0, 0});
        calls.sys(SYS_prctl, {PR_GET_PDEATHSIG, pdeath, 0, 0, 0});
        securebits = calls.sys_result(SYS_prctl, {PR_GET_SECUREBITS, 0, 0, 0, 0});
    }
    void read(const inject::Calls &calls, ThreadFacts &facts) const
    {
        stack_t stack = calls.get<stack_t>(altstack);
        facts.altstack_sp = reinterpret_cast<uint64_t>(stack.ss_sp);
        facts.altstack_size = stack.ss_size;
        facts.altstack_flags = stack.ss_flags;
        facts.tid_address = calls.get<uint64_t>(tid_address);
        facts.pdeath_signal = calls.get<int32_t>(pdeath);
        facts.securebits = static_cast<uint32_t>(calls.result(securebits));
        facts.numa = numa.read(calls);
        flags.read(calls, facts);
        keyrings.read(calls, facts);
    }
};

// Questions to the process, asked of its leader together with those to the thread.
struct ProcessQuestions : ThreadQuestions {
    inject::Calls::Out sigactions, itimers, subreaper, dumpable, thp, brk, mdwe, merge, ldt;
    std::optional<inject::Calls::Out> membarrier;
    std::vector<inject::Calls::Out> barriers; // of kBarriers, in their place
    struct TimerAnswer {
        inject::Calls::Out left, overrun;
    };
    std::vector<proc::Timer> timers;
    std::vector<TimerAnswer> timer_answers;

    ProcessQuestions(inject::Calls &calls, std::vector<proc::Timer> known)
        : ThreadQuestions(calls), timers(std::move(known))
    {
        sigactions = calls.out(sizeof(SigAction) * 64);
        itimers = calls.out(sizeof(itimerval) * 3);
        subreaper = calls.out(4);
        calls.repeat(SYS_rt_sigaction, {1, 0, sigactions, kKernelSigsetSize}, 64,
                     {1, 0, sizeof(SigAction), 0});
        calls.repeat(SYS_getitimer, {ITIMER_REAL, itimers}, 3, {1, sizeof(itimerval)});
        calls.sys(SYS_prctl, {PR_GET_CHILD_SUBREAPER, subreaper, 0, 0, 0});
        dumpable = calls.sys_result(SYS_prctl, {PR_GET_DUMPABLE, 0, 0, 0, 0});
        thp = calls.sys_result(SYS_prctl, {PR_GET_THP_DISABLE, 0, 0, 0, 0});
        brk = calls.sys_result(SYS_brk, {0});
        mdwe = calls.sys_result(SYS_prctl, {kGetMdwe, 0, 0, 0, 0});
        merge = calls.sys_result(SYS_prctl, {kGetMemoryMerge, 0, 0, 0, 0});
        ldt = calls.sys_result(SYS_modify_ldt,
                               {sys::kReadLdt, calls.out(sys::kLdtEntrySize), sys::kLdtEntrySize});
        ask_membarrier(calls);
        for (const proc::Timer &timer : timers) {
            TimerAnswer answer;
            answer.left = calls.out(sizeof(itimerspec));
            calls.sys(SYS_timer_gettime, {timer.id, answer.left});
            answer.overrun = calls.sys_result(SYS_timer_getoverrun, {timer.id});
            timer_answers.push_back(answer);
        }
    }
    void read(const inject::Calls &calls, TaskFacts &facts) const;
    bool has_ldt(const inject::Calls &calls) const { return calls.result(ldt) > 0; }

  private:
    void ask_membarrier(inject::Calls &calls);
    uint32_t membarrier_registrations(const inject::Calls &calls) const;
};

// Before Linux 6.3 no call tells the registrations; the barriers of those that are not registered fail, and
// the others do no harm. The registration for global barriers cannot be seen so.
void ProcessQuestions::ask_membarrier(inject::Calls &calls)
{
    if (sys::call(SYS_membarrier, kMembarrierGetRegistrations, 0, 0) >= 0) {
        membarrier = calls.sys_result(SYS_membarrier, {kMembarrierGetRegistrations, 0});
        return;
    }
    for (const Barrier &barrier : kBarriers)
        barriers.push_back(calls.sys_result(SYS_membarrier, {barrier.command, 0, 0}));
}

uint32_t ProcessQuestions::membarrier_registrations(const inject::Calls &calls) const
{
    if (membarrier)
        return static_cast<uint32_t>(std::max<int64_t>(calls.result(*membarrier), 0));
    uint32_t out = 0;
    for (size_t i = 0; i < barriers.size(); i++)
        if (calls.result(barriers[i]) == 0)
            out |= kBarriers[i].registration;
    return out;
}

uint64_t nanoseconds(const timespec &time)
{
    return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

PosixTimer known_timer(const proc::Timer &timer)
{
    PosixTimer out;
    out.id = timer.id;
    out.clock = timer.clock;
    out.signal = timer.signal;
    out.notify = timer.notify;
    out.value = timer.value;
    out.notify_tid = timer.target;
    return out;
}

void ProcessQuestions::read(const inject::Calls &calls, TaskFacts &facts) const
{
    ThreadQuestions::read(calls, facts.threads.front());
    for (size_t i = 0; i < 64; i++)
        facts.sigactions[i] = calls.get<SigAction>(sigactions, i * sizeof(SigAction));
    for (size_t i = 0; i < 3; i++)
        facts.itimers[i] = calls.get<itimerval>(itimers, i * sizeof(itimerval));
    facts.child_subreaper = calls.get<int32_t>(subreaper) != 0;
    facts.dumpable = static_cast<int>(calls.result(dumpable));
    facts.thp_disable = static_cast<uint32_t>(std::max<int64_t>(calls.result(thp), 0));
    facts.mdwe = static_cast<uint32_t>(std::max<int64_t>(calls.result(mdwe), 0));
    facts.memory_merge = calls.result(merge) == 1;
    facts.brk = static_cast<uint64_t>(calls.result(brk));
    if (uint32_t registrations = membarrier_registrations(calls))
        facts.membarrier_registrations = registrations;
    for (size_t i = 0; i < timers.size(); i++) {
        const proc::Timer &timer = timers[i];
        itimerspec left = calls.get<itimerspec>(timer_answers[i].left);
        PosixTimer &out = facts.timers.emplace_back(known_timer(timer));
        out.overrun = static_cast<int>(calls.result(timer_answers[i].overrun));
        out.interval_ns = nanoseconds(left.it_interval);
        out.left_ns = nanoseconds(left.it_value);
    }
}

// ---- what can be seen from outside
// ----------------------------------------------------------------------------

std::vector<siginfo_t> queued_signals(pid_t tid, bool shared)
{
    std::vector<siginfo_t> out;
    for (;;) {
        siginfo_t chunk[32];
        long n =
            sys::check(sys::ptrace::peek_siginfo(tid, shared, out.size(), chunk, 32), "read pending signals");
        out.insert(out.end(), chunk, chunk + n);
        if (n == 0)
            return out;
    }
}

void read_thread_areas(ThreadFacts &facts)
{
    for (unsigned number = kFirstThreadArea; number < kFirstThreadArea + kThreadAreas; number++) {
        user_desc area{};
        sys::check(sys::ptrace::get_thread_area(facts.tid, number, area), "read its areas of local storage");
        facts.areas.push_back(area);
    }
}

ThreadFacts thread_facts(const inject::FrozenTask &task, const inject::FrozenThread &thread, bool by_kernel)
{
    ThreadFacts out;
    out.tid = thread.tid;
    out.vtid = thread.vtid;
    out.regs = thread.regs;
    if (!out.runs_32_bit() && interrupted_restart(out.regs))
        out.regs.orig_rax = original_call(out.regs, task.memory);
    out.xsave = thread.xsave;
    out.sigmask = thread.sigmask;
    out.status = thread.status;
    if (thread.tid == task.pid)
        out.stat = task.stat;
    else if (!by_kernel)
        out.stat = proc::parse_stat(proc::PidDir(task.pid, thread.tid).read("stat"));
    if (out.runs_32_bit())
        read_thread_areas(out);
    machine_share_facts(out);
    if (!by_kernel)
        read_timer_slack(out);
    out.user_dispatch = thread.user_dispatch;
    sys::ptrace::get_io_ports(thread.tid, out.io_ports); // fails where there are none
    out.robust_list = thread.robust.head;
    out.robust_list_len = thread.robust.length;
    if (thread.rseq.rseq_abi_pointer) {
        out.rseq_pointer = thread.rseq.rseq_abi_pointer;
        out.rseq_size = thread.rseq.rseq_abi_size;
        out.rseq_signature = thread.rseq.signature;
    }
    return out;
}

void outside_facts(const proc::PidDir &dir, TaskFacts &facts)
{
    facts.limits = proc::parse_limits(dir.read("limits"));
    facts.personality = parse_int<uint32_t>(trim(dir.read("personality")), 16).value_or(0);
    facts.oom_score_adj = parse_int<int>(trim(dir.read("oom_score_adj"))).value_or(0);
    facts.coredump_filter = parse_int<uint32_t>(trim(dir.read_if_there("coredump_filter")), 16);
    std::string autogroup = dir.read_if_there("autogroup"); // "/autogroup-12 nice 0"
    if (size_t at = autogroup.rfind(' '); at != std::string::npos)
        facts.autogroup_nice = parse_int<int>(trim(autogroup.substr(at))).value_or(0);
    std::string loginuid = dir.read_if_there("loginuid");
    if (!loginuid.empty())
        facts.loginuid = parse_int<uint32_t>(trim(loginuid));
}

TaskFacts look(const inject::FrozenTask &task, const proc::PidDir *dir, bool by_kernel)
{
    TaskFacts facts;
    facts.pid = task.pid;
    facts.vpid = task.vpid;
    facts.vppid = task.ppid;
    facts.stat = task.stat;
    facts.vpgid = task.stat.pgrp;
    facts.vsid = task.stat.session;
    facts.stop_signal = task.stop_signal;
    if (!dir) {
        facts.state = TaskFacts::State::Zombie;
        facts.dead_sigmask = proc::parse_status(proc::PidDir(task.pid).read("status")).sig_blocked;
        return facts;
    }
    if (task.state == inject::FrozenTask::State::Stopped)
        facts.state = TaskFacts::State::Stopped;
    for (const inject::FrozenThread &thread : task.threads)
        facts.threads.push_back(thread_facts(task, thread, by_kernel));
    outside_facts(*dir, facts);
    return facts;
}

// Timers go on while a task is stopped, and their signals queue up. So the queues are read after the timers
// were: a timer may then be in both, as one that has some time left and as a signal, but not in neither. One
// that fires only once and is in the queue has no time left.
void read_queues(TaskFacts &facts)
{
    facts.pending = queued_signals(facts.threads.front().tid, true);
    std::vector<const siginfo_t *> all;
    for (const siginfo_t &info : facts.pending)
        all.push_back(&info);
    for (ThreadFacts &thread : facts.threads) {
        thread.pending = queued_signals(thread.tid, false);
        for (const siginfo_t &info : thread.pending)
            all.push_back(&info);
    }
    constexpr int kItimerSignals[] = {SIGALRM, SIGVTALRM, SIGPROF};
    for (const siginfo_t *info : all) {
        for (size_t i = 0; i < 3; i++)
            if (info->si_signo == kItimerSignals[i] && info->si_code == SI_KERNEL)
                facts.itimers[i].it_value = {};
        if (info->si_code == SI_TIMER)
            for (PosixTimer &timer : facts.timers)
                if (timer.id == info->si_timerid && !timer.interval_ns)
                    timer.left_ns = 0;
    }
}

void ask_kernel(const proc::PidDir &dir, const Sources &sources, TaskFacts &facts)
{
    for (const proc::Timer &timer : proc::parse_timers(dir.read_if_there("timers")))
        facts.timers.push_back(known_timer(timer));
    sources.kernel.fill(facts);
    facts.memory_merge = dir.read_if_there("ksm_stat").find("ksm_merge_any: yes") != std::string::npos;
    for (ThreadFacts &thread : facts.threads)
        flags_from_outside(thread);
    read_queues(facts);
    for (ThreadFacts &thread : facts.threads)
        sources.filters.capture(thread, sources.kernel);
}

// Of a main thread that has ended: name and credentials, which others see and are held to. For the rest it
// may be like one that lives; nothing of that matters any more.
ThreadFacts dead_leader(const inject::FrozenTask &task, const ThreadFacts &like)
{
    ThreadFacts out = like;
    out.tid = task.pid;
    out.vtid = task.vpid;
    out.status = proc::parse_status(proc::PidDir(task.pid).read("status"));
    out.stat = task.stat;
    out.status.seccomp = 0;
    out.pending.clear();
    out.rseq_size = 0;
    out.robust_list = out.robust_list_len = 0;
    out.tid_address = 0;
    out.altstack_sp = out.altstack_size = 0;
    out.pdeath_signal = 0;
    out.call_left_ns.reset();
    out.user_dispatch = {};
    out.seccomp_filter.reset();
    return out;
}

} // namespace

std::vector<TaskFacts> gather(std::span<inject::FrozenTask *const> tasks, const Sources &sources)
{
    struct Asked {
        TaskFacts *facts;
        ProcessQuestions process;
        std::vector<std::pair<size_t, ThreadQuestions>> threads; // by number in the task
    };
    std::vector<TaskFacts> out;
    out.reserve(tasks.size());
    std::vector<inject::Job> jobs;
    std::vector<Asked> asked;
    for (inject::FrozenTask *task : tasks) {
        auto name = [&] { return cat("pid ", task->pid, " (", printable(task->stat.comm), ")"); };
        Subject subject(name);
        if (task->state == inject::FrozenTask::State::Zombie) {
            out.push_back(look(*task, nullptr, false));
            continue;
        }
        proc::PidDir dir(task->reader());
        bool by_kernel = task->threads.size() > kAskedThreads && sources.kernel.there();
        out.push_back(look(*task, &dir, by_kernel));
        sources.kernel.fill_calls(out.back());
        if (inject::calls_may_harm(*task)) {
            ask_kernel(dir, sources, out.back());
            continue;
        }
        inject::Job &job = jobs.emplace_back();
        job.task = task;
        job.threads.resize(task->threads.size());
        asked.push_back({&out.back(),
                         ProcessQuestions(job.threads[0], proc::parse_timers(dir.read_if_there("timers"))),
                         {}});
        std::vector<ThreadFacts> &threads = out.back().threads;
        if (by_kernel)
            sources.kernel.fill_threads(out.back());
        for (size_t i = 1; i < job.threads.size(); i++)
            if (!by_kernel || threads[i].kernel_flags != threads[0].kernel_flags)
                asked.back().threads.emplace_back(i, job.threads[i]);
        while (job.threads.size() > 1 && job.threads.back().empty())
            job.threads.pop_back();
    }
    inject::run(jobs, sources.waiter);
    for (size_t i = 0; i < jobs.size(); i++) {
        asked[i].process.read(jobs[i].threads[0], *asked[i].facts);
        std::vector<ThreadFacts> &threads = asked[i].facts->threads;
        for (size_t k = 1; k < threads.size(); k++)
            take_flags(threads[0], threads[k]);
        for (auto &[k, questions] : asked[i].threads)
            questions.read(jobs[i].threads[k], threads[k]);
        if (asked[i].process.has_ldt(jobs[i].threads[0]))
            asked[i].facts->ldt = read_ldt(*jobs[i].task, sources.waiter);
        read_queues(*asked[i].facts);
    }
    for (size_t i = 0; i < tasks.size(); i++)
        if (tasks[i]->leader_dead())
            out[i].dead_leader = dead_leader(*tasks[i], out[i].threads.front());
    return out;
}

} // namespace cr::task
