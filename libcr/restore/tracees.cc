#include "libcr/restore/tracees.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/status.h"
#include "libcr/sys/ptrace.h"

#include <ctime>
#include <linux/futex.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

constexpr uint64_t kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK,
                   kSuspendSeccomp = 1 << 21; // PTRACE_O_SUSPEND_SECCOMP

bool traced_by_us(pid_t pid)
{
    try {
        return proc::parse_status(proc::PidDir(pid).read("status")).tracer == ::getpid();
    } catch (const Error &) {
        return false; // there is no such process
    }
}

} // namespace

Tracees::Tracees(pid_t root, Expected expected, std::function<void(pid_t)> fill,
                 std::function<std::optional<Error>()> explain)
    : root_(root), expected_(std::move(expected)), fill_(std::move(fill)), explain_(std::move(explain))
{
    alive_.insert(root);
}

Tracees::~Tracees()
{
    if (released_)
        return;
    // Those that were being born as we failed have not shown their first stop yet.
    for (pid_t pid : expected_.processes)
        if (traced_by_us(pid))
            alive_.insert(pid);
    for (pid_t pid : alive_)
        ::kill(pid, SIGKILL);
    // A killed tracee is ours to wait for first.
    while (!alive_.empty()) {
        sys::WaitStatus status;
        long pid = sys::wait_for(-1, status, __WALL);
        if (pid == -EINTR)
            continue;
        if (pid <= 0)
            break;
        if (status.gone())
            alive_.erase(static_cast<pid_t>(pid));
        else
            ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    // Their parents dead, they are our children now (we are a subreaper): nobody else has to take note of
    // them.
    for (pid_t pid : expected_.processes) {
        sys::WaitStatus status;
        while (sys::wait_for(pid, status, __WALL | WNOHANG) > 0)
            ;
    }
}

// Those who are born traced inherit them.
uint64_t Tracees::options() const { return kOptions | (expected_.seccomp ? kSuspendSeccomp : 0); }

void Tracees::seize_root()
{
    uint64_t with = options();
    if (expected_.clone_events.count(root_))
        with |= PTRACE_O_TRACECLONE;
    sys::check(sys::ptrace::seize(root_, with), "seize the root of the new tree");
}

// Nothing more is to be seen by wait(2) before the programs have ended.
bool Tracees::quiet() const
{
    return events_ == expected_.births && first_stops_ == expected_.births && expected_.endings.empty() &&
           expected_.fills.empty();
}

void Tracees::on_stop(pid_t pid, sys::WaitStatus status)
{
    int signal = 0;
    if (status.event() == PTRACE_EVENT_FORK || status.event() == PTRACE_EVENT_CLONE ||
        status.event() == PTRACE_EVENT_VFORK) {
        unsigned long born = 0;
        sys::check(sys::ptrace::event_message(pid, born), "ask who was born");
        events_ += expected_.processes.count(static_cast<pid_t>(born));
    } else if (status.event_stop()) {
        // A thread of one whose clones are all looked at is ours from birth on.
        if (!expected_.processes.count(pid))
            seized_threads_.insert(pid);
        else if (alive_.insert(pid).second) {
            first_stops_++;
            if (born_)
                born_(pid);
            if (expected_.clone_events.count(pid))
                sys::ptrace::set_options(pid, options() | PTRACE_O_TRACECLONE);
        }
    } else if (status.signal_stop()) {
        signal = status.signal();
        auto waiting = expected_.fills.find(pid);
        if (signal == SIGSTOP && waiting != expected_.fills.end()) {
            fill_(pid);
            signal = 0;
            if (--waiting->second == 0)
                expected_.fills.erase(waiting);
        }
    }
    sys::check(sys::ptrace::cont(pid, signal), [&] { return cat("let the new pid ", pid, " go on"); });
}

void Tracees::handle(pid_t pid, sys::WaitStatus status)
{
    if (auto ours = ours_.find(pid); ours != ours_.end() && status.gone()) {
        std::string name = ours->second;
        ours_.erase(ours);
        if (auto why = explain_())
            throw *why;
        failed_with(0, cat("go on without the ", name, ", which ", status.text()));
    }
    if (!status.gone()) {
        on_stop(pid, status);
        return;
    }
    alive_.erase(pid);
    auto ending = expected_.endings.find(pid);
    // The core flag of a status cannot be made again.
    if (ending != expected_.endings.end() && ((ending->second ^ status.raw()) & ~0x80) == 0) {
        expected_.endings.erase(ending);
        return;
    }
    if (auto why = explain_())
        throw *why;
    failed_with(0, cat("keep the new pid ", pid, " alive: it ", status.text()));
}

void Tracees::attend(const volatile uint32_t *word, uint32_t target)
{
    while (!quiet()) {
        sys::WaitStatus status;
        long pid = sys::wait_for(-1, status, __WALL);
        if (pid == -EINTR)
            continue;
        sys::check(pid, "wait for the new tasks");
        handle(static_cast<pid_t>(pid), status);
    }
    for (;;) {
        uint32_t now = *word;
        if (now >= target)
            break;
        sys::WaitStatus status;
        long pid = sys::wait_for(-1, status, __WALL | WNOHANG);
        if (pid > 0)
            handle(static_cast<pid_t>(pid), status);
        else {
            timespec limit{0, 10'000'000};
            sys::call(SYS_futex, const_cast<uint32_t *>(word), FUTEX_WAIT, now, &limit, nullptr, 0);
        }
    }
}

// Of one thread that was interrupted: its event stop, letting anything that comes before it pass.
void Tracees::wait_stopped(pid_t tid)
{
    for (;;) {
        sys::WaitStatus status;
        long r = sys::wait_for(tid, status, __WALL);
        if (r == -EINTR)
            continue;
        sys::check(r, [&] { return cat("wait for the new thread ", tid); });
        if (status.event_stop())
            return;
        if (status.gone())
            handle(tid, status);
        else
            sys::ptrace::cont(tid, status.signal_stop() ? status.signal() : 0);
    }
}

void Tracees::seize_thread(pid_t tid)
{
    if (seized_threads_.insert(tid).second)
        sys::check(sys::ptrace::seize(tid, options()), [&] { return cat("seize the new thread ", tid); });
}

void Tracees::suspend_seccomp(const std::vector<std::pair<pid_t, pid_t>> &threads)
{
    for (const auto &[tid, tgid] : threads)
        if (tid != tgid)
            seize_thread(tid);
}

void Tracees::stop_all(const std::vector<std::pair<pid_t, pid_t>> &threads)
{
    for (const auto &[tid, tgid] : threads)
        if (tid != tgid)
            seize_thread(tid);
    for (const auto &[tid, tgid] : threads)
        sys::check(sys::ptrace::interrupt(tid), [tid = tid] { return cat("stop the new thread ", tid); });
    for (const auto &[tid, tgid] : threads)
        wait_stopped(tid);
}

// Not by a single step: the trap that ends one is a forced SIGTRAP, and where that is blocked or ignored the
// kernel resets what the task does with it. Stops at the entry and exit of the call leave no trace.
void CallPlace::call(user_regs_struct &regs, long nr, const std::array<uint64_t, 5> &arguments) const
{
    regs.rip = insn.value;
    regs.orig_rax = ~0ull; // no restart of what was interrupted
    if (!code_32) {
        regs.rax = static_cast<uint64_t>(nr);
        regs.rdi = arguments[0];
        regs.rsi = arguments[1];
        regs.rdx = arguments[2];
        regs.r10 = arguments[3];
        regs.r8 = arguments[4];
        return;
    }
    constexpr std::pair<long, long> kNumbers[] = {
        {SYS_exit, 1}, {SYS_munmap, 91}, {SYS_rt_sigtimedwait, 177}, {SYS_waitid, 284}};
    for (auto [native, other] : kNumbers)
        if (native == nr)
            regs.rax = static_cast<uint64_t>(other);
    regs.rbx = arguments[0];
    regs.rcx = arguments[1];
    regs.rdx = arguments[2];
    regs.rsi = arguments[3];
    regs.rdi = arguments[4];
}

long Tracees::call_in(pid_t pid, const CallPlace &place, long nr, const std::array<uint64_t, 5> &arguments)
{
    user_regs_struct regs;
    sys::check(sys::ptrace::get_registers(pid, regs), "read registers");
    place.call(regs, nr, arguments);
    sys::check(sys::ptrace::set_registers(pid, regs), "set registers");
    for (int stops = 0; stops < 2; stops++) { // before it and after it
        sys::check(sys::ptrace::cont_to_syscall(pid), "run to a system call");
        wait_syscall_stop(pid);
    }
    sys::check(sys::ptrace::get_registers(pid, regs), "read registers");
    return static_cast<long>(regs.rax);
}

void Tracees::stop_group(const std::vector<pid_t> &threads)
{
    sys::check(sys::call(SYS_kill, threads[0], SIGSTOP),
               [&] { return cat("stop the new pid ", threads[0]); });
    for (pid_t tid : threads) { // the first one gets the signal
        sys::check(sys::ptrace::cont(tid), [&] { return cat("stop the new thread ", tid); });
        wait_stopped(tid);
    }
}

std::set<pid_t> Tracees::begin_calls(const std::map<pid_t, user_regs_struct> &calls)
{
    std::set<pid_t> out;
    for (const auto &[tid, regs] : calls) {
        sys::check(sys::ptrace::set_registers(tid, regs), "set registers");
        sys::check(sys::ptrace::cont_to_syscall(tid), "run to a system call");
    }
    for (const auto &[tid, regs] : calls) {
        wait_syscall_stop(tid);
        // Before it has begun: so it finds itself interrupted, and does not wait.
        sys::check(sys::ptrace::interrupt(tid), "interrupt a system call");
        sys::check(sys::ptrace::cont_to_syscall(tid), "run through a system call");
    }
    for (const auto &[tid, regs] : calls) {
        wait_syscall_stop(tid);
        user_regs_struct now;
        sys::check(sys::ptrace::get_registers(tid, now), "read registers");
        constexpr uint64_t kRestartBlock = static_cast<uint64_t>(-516);
        if (now.rax == kRestartBlock)
            out.insert(tid);
        // This stop took the place of the one that the interruption asked for.
    }
    return out;
}

void Tracees::wait_syscall_stop(pid_t pid)
{
    sys::WaitStatus status;
    long r;
    while ((r = sys::wait_for(pid, status, __WALL)) == -EINTR)
        ;
    sys::check(r, "wait for a system call");
    if (status.gone())
        handle(pid, status);
    if (!status.stopped() || (status.signal() & 0x7f) != SIGTRAP || status.event())
        failed_with(0, cat("run a system call in the new pid ", pid, ": it ", status.text()));
}

void Tracees::clear_exitkill(const std::vector<std::pair<pid_t, pid_t>> &threads)
{
    for (const auto &[tid, tgid] : threads)
        sys::check(sys::ptrace::set_options(tid, 0),
                   [tid = tid] { return cat("release the new thread ", tid); });
    released_ = true;
}

void Tracees::detach(const std::vector<std::pair<pid_t, pid_t>> &threads)
{
    // Past the commit: a task that somebody killed meanwhile is no failure of ours.
    for (const auto &[tid, tgid] : threads)
        sys::ptrace::detach(tid);
}

} // namespace cr::restore
