#include "libcr/task/kernel_facts.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/ldt.h"
#include "libcr/task/numa.h"
#include "libcr/task/restart.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unordered_map>

namespace cr::task
{

namespace
{

constexpr int64_t kNsPerSecond = 1000000000, kNsPerMicrosecond = 1000;

int64_t now_ns(clockid_t clock)
{
    timespec now{};
    sys::check(sys::call(SYS_clock_gettime, clock, &now), [&] { return cat("read clock ", clock); });
    return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

timeval timeval_of(int64_t ns)
{
    int64_t us = (ns + kNsPerMicrosecond - 1) / kNsPerMicrosecond;
    return {us / 1000000, us % 1000000};
}

// Of a timer that is armed: never 0, which would be one that is not. What has expired already and repeats is
// at its next expiry.
int64_t time_left(int64_t expires, int64_t now, int64_t interval)
{
    if (expires > now)
        return expires - now;
    return interval > 0 ? interval - (now - expires) % interval : 1;
}

// CPU clocks of include/linux/posix-timers.h: the id's complement, a bit for threads, and which.
constexpr int kCpuProf = 0, kCpuVirt = 1, kCpuSched = 2, kCpuThread = 4;
constexpr clockid_t cpu_clock(pid_t pid, int which)
{
    return static_cast<int>(~static_cast<unsigned>(pid) << 3) | which;
}

} // namespace

bool KernelSource::there()
{
    if (!tried_)
        if (auto made = sys::KernelMemory::make())
            memory_.emplace(std::move(*made));
    tried_ = true;
    return memory_.has_value();
}

void KernelSource::fill(TaskFacts &facts)
{
    if (!there())
        failed_with(ENOSYS, "read its state from the kernel");
    fill_threads(facts);
    fill_process(facts.threads.front().kernel_object, facts);
}

void KernelSource::fill_threads(TaskFacts &facts)
{
    std::unordered_map<pid_t, uint64_t> tasks;
    for (const sys::KernelMemory::Thread &thread : memory_->threads(facts.pid))
        tasks.emplace(static_cast<pid_t>(thread.tid), thread.task);
    // Up to the last of the members that fill_thread() asks for.
    size_t size = 0;
    for (const char *member : {"clear_child_tid", "pdeath_signal", "cred", "sas_ss_flags", "timer_slack_ns",
                               "flags", "static_prio", "comm"})
        size = std::max<size_t>(size, memory_->offset("task_struct", member) + 16);
    for (ThreadFacts &thread : facts.threads) {
        auto found = tasks.find(thread.tid);
        if (found == tasks.end())
            failed_with(ESRCH, cat("read the state of thread ", thread.tid, ": it was killed meanwhile"));
        memory_->remember(found->second, size);
        fill_thread(found->second, thread);
    }
    memory_->forget();
}

std::vector<pid_t> KernelSource::in_landlock(pid_t pid)
{
    std::vector<pid_t> out;
    if (!there())
        return out;
    if (!landlock_tried_)
        landlock_ = LandlockSearch::make(*memory_);
    landlock_tried_ = true;
    if (landlock_)
        for (const sys::KernelMemory::Thread &thread : memory_->threads(pid))
            if (landlock_->bound(thread.task))
                out.push_back(static_cast<pid_t>(thread.tid));
    return out;
}

bool KernelSource::has_undo_list(pid_t pid)
{
    if (!there() || !memory_->has("task_struct", "sysvsem.undo_list"))
        return false;
    for (const sys::KernelMemory::Thread &thread : memory_->threads(pid)) {
        auto list = memory_->get<uint64_t>(thread.task, "task_struct", "sysvsem.undo_list");
        if (!list)
            continue;
        uint64_t head = list + memory_->offset("sem_undo_list", "list_proc");
        if (memory_->get<uint64_t>(head) != head) // the first of the list
            return true;
    }
    return false;
}

bool KernelSource::dispatches_calls(pid_t pid)
{
    constexpr uint64_t kUserDispatch =
        1 << 5; // SYSCALL_WORK_SYSCALL_USER_DISPATCH, include/linux/thread_info.h
    if (!there() || !memory_->has("task_struct", "thread_info.syscall_work"))
        return false;
    for (const sys::KernelMemory::Thread &thread : memory_->threads(pid))
        if (memory_->get<uint64_t>(thread.task, "task_struct", "thread_info.syscall_work") & kUserDispatch)
            return true;
    return false;
}

void KernelSource::fill_calls(TaskFacts &facts)
{
    auto wants = [](const ThreadFacts &thread) {
        return !thread.runs_32_bit() && held_in_restart_block(thread.regs);
    };
    if (std::none_of(facts.threads.begin(), facts.threads.end(), wants) || !there())
        return;
    for (const sys::KernelMemory::Thread &found : memory_->threads(facts.pid))
        for (ThreadFacts &thread : facts.threads)
            if (static_cast<pid_t>(found.tid) == thread.tid && wants(thread))
                thread.call_left_ns = call_left(found.task, thread);
}

std::optional<uint64_t> KernelSource::call_left(uint64_t task, const ThreadFacts &thread) const
{
    const sys::KernelMemory &m = *memory_;
    auto until = [](int64_t expires, clockid_t clock) {
        return static_cast<uint64_t>(std::max<int64_t>(expires - now_ns(clock), 0));
    };
    switch (thread.regs.orig_rax) {
    case SYS_nanosleep:
    case SYS_clock_nanosleep: {
        auto clock = m.get<int>(task, "task_struct", "restart_block.nanosleep.clockid");
        if (clock < 0)
            return std::nullopt; // CPU time, which a restored thread has none of yet
        return until(m.get<int64_t>(task, "task_struct", "restart_block.nanosleep.expires"), clock);
    }
    case SYS_poll: {
        if (m.get<uint64_t>(task, "task_struct", "restart_block.poll.ufds") != thread.regs.rdi ||
            !m.get<int>(task, "task_struct", "restart_block.poll.has_timeout"))
            return std::nullopt;
        auto seconds = m.get<uint64_t>(task, "task_struct", "restart_block.poll.tv_sec"),
             ns = m.get<uint64_t>(task, "task_struct", "restart_block.poll.tv_nsec");
        return until(static_cast<int64_t>(seconds) * kNsPerSecond + static_cast<int64_t>(ns),
                     CLOCK_MONOTONIC);
    }
    case SYS_futex: {
        constexpr uint64_t kCommand = 0x7f; // FUTEX_CMD_MASK; FUTEX_WAIT is 0, others' timeouts are absolute
        if (m.get<uint64_t>(task, "task_struct", "restart_block.futex.uaddr") != thread.regs.rdi ||
            thread.regs.rsi & kCommand)
            return std::nullopt;
        return until(m.get<int64_t>(task, "task_struct", "restart_block.futex.time"), CLOCK_MONOTONIC);
    }
    default:
        return std::nullopt;
    }
}

void KernelSource::fill_process(uint64_t task, TaskFacts &facts) const
{
    const sys::KernelMemory &m = *memory_;
    auto actions = m.get<uint64_t>(task, "task_struct", "sighand") + m.offset("sighand_struct", "action");
    m.read(actions, facts.sigactions.data(), sizeof facts.sigactions);
    constexpr uint64_t kAbi = 0x03000000; // SA_X32_ABI and SA_IA32_ABI, the kernel's own
    for (SigAction &action : facts.sigactions)
        action.flags &= ~kAbi;
    auto signal = m.get<uint64_t>(task, "task_struct", "signal");
    facts.child_subreaper = m.bit(signal, "signal_struct", "is_child_subreaper");
    fill_interval_timers(signal, facts);
    fill_posix_timers(signal, facts);
    fill_memory(m.get<uint64_t>(task, "task_struct", "mm"), facts);
}

void KernelSource::fill_memory(uint64_t mm, TaskFacts &facts) const
{
    const sys::KernelMemory &m = *memory_;
    facts.brk = m.get<uint64_t>(mm, "mm_struct", "brk");
    // MMF_DUMPABLE_MASK, MMF_DISABLE_THP of linux/sched/coredump.h
    constexpr uint64_t kDumpable = 3, kDisableThp = 1 << 24, kMdwe = 1 << 28, kMdweNoInherit = 1 << 29;
    auto flags = m.get<uint64_t>(mm, "mm_struct", "flags");
    facts.dumpable = static_cast<int>(flags & kDumpable);
    facts.thp_disable = flags & kDisableThp ? 1 : 0;
    if (flags & kMdwe) // PR_MDWE_*
        facts.mdwe = flags & kMdweNoInherit ? 3 : 1;
    if (auto ldt = m.get<uint64_t>(mm, "mm_struct", "context.ldt")) {
        auto count = m.get<uint32_t>(ldt, "ldt_struct", "nr_entries");
        facts.ldt.resize(std::min<size_t>(count, sys::kLdtEntries) * sys::kLdtEntrySize);
        m.read(m.get<uint64_t>(ldt, "ldt_struct", "entries"), facts.ldt.data(), facts.ldt.size());
    }
    // MEMBARRIER_STATE_* of linux/sched/mm.h
    constexpr struct {
        int state;
        uint32_t registration;
    } kStates[] = {{1 << 1, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED},
                   {1 << 3, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED},
                   {1 << 5, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE},
                   {1 << 7, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ}};
    auto state = m.get<int>(mm, "mm_struct", "membarrier_state");
    uint32_t registrations = 0;
    for (auto &known : kStates)
        if (state & known.state)
            registrations |= known.registration;
    if (registrations)
        facts.membarrier_registrations = registrations;
}

void KernelSource::fill_interval_timers(uint64_t signal, TaskFacts &facts) const
{
    const sys::KernelMemory &m = *memory_;
    auto interval = m.get<int64_t>(signal, "signal_struct", "it_real_incr");
    facts.itimers[ITIMER_REAL].it_interval = timeval_of(interval);
    if (m.get<uint8_t>(signal, "signal_struct", "real_timer.state")) {
        auto expires = m.get<int64_t>(signal, "signal_struct", "real_timer.node.expires");
        facts.itimers[ITIMER_REAL].it_value =
            timeval_of(std::max<int64_t>(expires - now_ns(CLOCK_MONOTONIC), kNsPerMicrosecond));
    }
    struct CpuTimer {
        int64_t expires, interval;
    };
    for (auto [which, timer] : {std::pair{kCpuProf, ITIMER_PROF}, {kCpuVirt, ITIMER_VIRTUAL}}) {
        auto at = signal + m.offset("signal_struct", "it") + static_cast<size_t>(which) * sizeof(CpuTimer);
        auto value = m.get<CpuTimer>(at);
        facts.itimers[static_cast<size_t>(timer)].it_interval = timeval_of(value.interval);
        if (!value.expires)
            continue;
        auto used = m.get<int64_t>(signal, "signal_struct", "cputimer.cputime_atomic.utime");
        if (which == kCpuProf)
            used += m.get<int64_t>(signal, "signal_struct", "cputimer.cputime_atomic.stime");
        facts.itimers[static_cast<size_t>(timer)].it_value =
            timeval_of(std::max(value.expires - used, kNsPerMicrosecond));
    }
}

void KernelSource::fill_posix_timers(uint64_t signal, TaskFacts &facts) const
{
    if (facts.timers.empty())
        return;
    const sys::KernelMemory &m = *memory_;
    const char *first =
        m.has("signal_struct", "posix_timers.first") ? "posix_timers.first" : "posix_timers.next";
    const char *next = m.has("k_itimer", "list.next") ? "list.next" : "list";
    uint64_t head = signal + m.offset("signal_struct", "posix_timers");
    auto node = m.get<uint64_t>(signal, "signal_struct", first);
    size_t found = 0;
    // Nobody changes the list while the task stands; the bound is for one that does not.
    for (size_t i = 0; node && node != head && i < facts.timers.size(); i++) {
        uint64_t timer = node - m.offset("k_itimer", "list");
        int id = m.get<int>(timer, "k_itimer", "it_id");
        for (PosixTimer &known : facts.timers)
            if (known.id == id) {
                fill_posix_timer(timer, facts.pid, known);
                found++;
            }
        node = m.get<uint64_t>(timer, "k_itimer", next);
    }
    if (found != facts.timers.size())
        failed_with(0, "find all its POSIX timers in the kernel");
}

void KernelSource::fill_posix_timer(uint64_t timer, pid_t pid, PosixTimer &out) const
{
    const sys::KernelMemory &m = *memory_;
    auto interval = m.get<int64_t>(timer, "k_itimer", "it_interval");
    out.interval_ns = static_cast<uint64_t>(interval);
    out.overrun =
        static_cast<int>(std::min<int64_t>(m.get<int64_t>(timer, "k_itimer", "it_overrun_last"), INT32_MAX));
    bool armed;
    int64_t expires, now;
    bool alarm = out.clock == CLOCK_REALTIME_ALARM || out.clock == CLOCK_BOOTTIME_ALARM;
    if (out.clock < 0 || out.clock == CLOCK_PROCESS_CPUTIME_ID || out.clock == CLOCK_THREAD_CPUTIME_ID) {
        expires = m.get<int64_t>(timer, "k_itimer", "it.cpu.node.expires");
        armed = expires != 0;
        int which = out.clock < 0 ? out.clock & 3 : kCpuSched;
        bool thread = out.clock == CLOCK_THREAD_CPUTIME_ID || (out.clock < 0 && out.clock & kCpuThread);
        if (thread) {
            auto of = m.get<uint64_t>(timer, "k_itimer", "it.cpu.pid");
            now = thread_time(pid, m.get<int>(of, "pid", "numbers"), which);
        } else {
            now = armed ? now_ns(cpu_clock(pid, which)) : 0;
        }
    } else if (alarm) {
        expires = m.get<int64_t>(timer, "k_itimer", "it.alarm.alarmtimer.node.expires");
        armed = m.get<uint8_t>(timer, "k_itimer", "it.alarm.alarmtimer.state");
        now = now_ns(out.clock == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME : CLOCK_BOOTTIME);
    } else {
        // The clock of the queue, which for a relative timer of CLOCK_REALTIME is the monotonic one.
        auto base = m.get<uint64_t>(timer, "k_itimer", "it.real.timer.base");
        expires = m.get<int64_t>(timer, "k_itimer", "it.real.timer.node.expires");
        armed = m.get<uint8_t>(timer, "k_itimer", "it.real.timer.state");
        now = now_ns(m.get<int>(base, "hrtimer_clock_base", "clockid"));
        // One that sends nothing is never in the queue.
        if ((out.notify & ~SIGEV_THREAD_ID) == SIGEV_NONE)
            armed = expires > now;
    }
    out.left_ns = armed || interval ? static_cast<uint64_t>(time_left(expires, now, interval)) : 0;
}

std::vector<KernelSource::Filter> KernelSource::filters(const ThreadFacts &thread) const
{
    const sys::KernelMemory &m = *memory_;
    constexpr size_t kMost = 8192; // more than instructions allow
    std::vector<Filter> out;
    auto at = m.get<uint64_t>(thread.kernel_object, "task_struct", "seccomp.filter");
    for (; at && out.size() < kMost; at = m.get<uint64_t>(at, "seccomp_filter", "prev"))
        out.push_back({at, m.get<uint64_t>(at, "seccomp_filter", "notif") != 0});
    std::reverse(out.begin(), out.end());
    return out;
}

// What the CPU clocks of a thread that stands say, which only its own process may read.
int64_t KernelSource::thread_time(pid_t pid, pid_t tid, int clock) const
{
    const sys::KernelMemory &m = *memory_;
    for (const sys::KernelMemory::Thread &thread : memory_->threads(pid)) {
        if (static_cast<pid_t>(thread.tid) != tid)
            continue;
        if (clock == kCpuSched)
            return m.get<int64_t>(thread.task, "task_struct", "se.sum_exec_runtime");
        auto time = m.get<int64_t>(thread.task, "task_struct", "utime");
        return clock == kCpuVirt ? time : time + m.get<int64_t>(thread.task, "task_struct", "stime");
    }
    return 0; // it has ended, and its clock with it
}

NumaPolicy KernelSource::policy_at(uint64_t policy) const
{
    const sys::KernelMemory &m = *memory_;
    auto flags = m.get<uint16_t>(policy, "mempolicy", "flags") & sys::kPolicyFlags;
    // What the thread asked for, where the kernel keeps that.
    bool asked = flags & (sys::kPolicyStaticNodes | sys::kPolicyRelativeNodes);
    uint64_t size = m.offset("mempolicy", "home_node") - m.offset("mempolicy", "nodes");
    std::vector<uint64_t> nodes(std::min(size / sizeof(uint64_t), sys::kMaxNodes / 64));
    m.read(policy + m.offset("mempolicy", asked ? "w.user_nodemask" : "nodes"), nodes.data(),
           nodes.size() * sizeof nodes[0]);
    return numa_policy(m.get<uint16_t>(policy, "mempolicy", "mode") | flags, std::move(nodes));
}

void KernelSource::fill_thread(uint64_t task, ThreadFacts &facts) const
{
    facts.kernel_object = task;
    const sys::KernelMemory &m = *memory_;
    facts.tid_address = m.get<uint64_t>(task, "task_struct", "clear_child_tid");
    facts.pdeath_signal = m.get<int>(task, "task_struct", "pdeath_signal");
    facts.securebits = m.get<uint32_t>(m.get<uint64_t>(task, "task_struct", "cred"), "cred", "securebits");
    if (m.has("cred", "thread_keyring")) {
        auto cred = m.get<uint64_t>(task, "task_struct", "cred");
        facts.thread_keyring = m.get<uint64_t>(cred, "cred", "thread_keyring");
        facts.process_keyring = m.get<uint64_t>(cred, "cred", "process_keyring");
    }
    if (auto policy =
            m.has("task_struct", "mempolicy") ? m.get<uint64_t>(task, "task_struct", "mempolicy") : 0)
        facts.numa = policy_at(policy);
    if (facts.runs_32_bit()) {
        constexpr uint64_t kListSize = 12; // of a struct robust_list_head
        facts.robust_list = m.get<uint64_t>(task, "task_struct", "compat_robust_list");
        facts.robust_list_len = facts.robust_list ? kListSize : 0;
    }
    facts.altstack_sp = m.get<uint64_t>(task, "task_struct", "sas_ss_sp");
    facts.altstack_size = m.get<uint64_t>(task, "task_struct", "sas_ss_size");
    constexpr uint32_t kAutodisarm = 1u << 31; // SS_AUTODISARM
    uint32_t flags = m.get<uint32_t>(task, "task_struct", "sas_ss_flags") & kAutodisarm;
    if (!facts.altstack_size)
        flags |= SS_DISABLE;
    else if (!flags && facts.regs.rsp > facts.altstack_sp &&
             facts.regs.rsp - facts.altstack_sp <= facts.altstack_size)
        flags |= SS_ONSTACK;
    facts.altstack_flags = static_cast<int>(flags);
    facts.timer_slack = m.get<uint64_t>(task, "task_struct", "timer_slack_ns");
    constexpr int kNiceZero = 120; // DEFAULT_PRIO of linux/sched/prio.h
    facts.stat.flags = m.get<uint32_t>(task, "task_struct", "flags");
    constexpr uint64_t kComesAndGoes = 0x1f; // a signal is pending, it should be scheduled, ...
    facts.kernel_flags = m.get<uint64_t>(task, "task_struct", "thread_info.flags") & ~kComesAndGoes;
    facts.stat.nice = m.get<int>(task, "task_struct", "static_prio") - kNiceZero;
    auto name = m.get<std::array<char, 16>>(task, "task_struct", "comm");
    facts.stat.comm.assign(name.data(), strnlen(name.data(), name.size()));
}

} // namespace cr::task
