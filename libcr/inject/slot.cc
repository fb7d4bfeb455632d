#include "libcr/inject/slot.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/ptrace.h"
#include "pie/inject.h"

#include <csignal>
#include <cstring>
#include <sys/syscall.h>

extern "C" {
extern const uint8_t cr_inject_begin[], cr_inject_returned[], cr_inject_in_syscall[], cr_inject_slots[];
}

namespace cr::inject
{

namespace pt = sys::ptrace;

static_assert(CodeImage::kMaxSlots == CR_SLOT_MAX && CodeImage::kStateSize == CR_STATE_SIZE);

size_t CodeImage::size(size_t slots) { return static_cast<size_t>(slot(slots)); }
std::vector<uint8_t> CodeImage::bytes(size_t slots)
{
    return {cr_inject_begin, cr_inject_begin + size(slots)};
}
uint64_t CodeImage::slot(size_t index)
{
    return static_cast<uint64_t>(cr_inject_slots - cr_inject_begin) + index * CR_SLOT_SIZE;
}
uint64_t CodeImage::in_syscall_end() { return static_cast<uint64_t>(cr_inject_in_syscall - cr_inject_begin); }
uint64_t CodeImage::call_return() { return static_cast<uint64_t>(cr_inject_returned - cr_inject_begin); }

namespace
{

bool in(uint64_t set, int signal) { return set >> (signal - 1) & 1; }

// A signal that does nothing in this thread, or 0. One that is blocked will not do: it may be pending, and is
// waited for by sigwait or signalfd.
int harmless_signal(const proc::Status &process, uint64_t blocked)
{
    for (int signal : {SIGURG, SIGWINCH, SIGCHLD})
        if (!in(process.sig_caught, signal) && !in(blocked, signal))
            return signal;
    for (int signal = 1; signal < 32; signal++)
        if (in(process.sig_ignored, signal) && !in(blocked, signal) && signal != SIGCONT &&
            signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU)
            return signal;
    return 0;
}

} // namespace

Slot::Slot(FrozenTask &task, FrozenThread &thread, TargetAddr code, size_t index)
    : task_(task), thread_(thread), code_(code), slot_(code.value + CodeImage::slot(index)),
      signal_(harmless_signal(task.status(), thread.sigmask))
{
}

std::array<uint8_t, CodeImage::kStateSize> Slot::state() const
{
    const user_regs_struct &r = thread_.regs;
    std::array<uint8_t, CodeImage::kStateSize> bytes{};
    auto put = [&](size_t at, uint64_t value) { memcpy(bytes.data() + at, &value, 8); };
    put(CR_STATE_MASK, thread_.sigmask);
    put(CR_STATE_FLAGS, r.eflags);
    uint64_t rax = r.rax, rcx = r.rcx, rax_eintr = r.rax, rcx_eintr = r.rcx;
    if (thread_.in_syscall()) {
        auto restart = static_cast<int64_t>(r.rax);
        rax = restart == kRestartBlock ? SYS_restart_syscall : r.orig_rax;
        rcx = r.rip - 2;
        bool may_fail = restart == kRestartBlock || restart == kRestartNoHand;
        rax_eintr = may_fail ? static_cast<uint64_t>(-EINTR) : rax;
        rcx_eintr = may_fail ? r.rip : rcx;
    }
    put(CR_STATE_RAX, rax);
    put(CR_STATE_RCX, rcx);
    put(CR_STATE_RAX_EINTR, rax_eintr);
    put(CR_STATE_RCX_EINTR, rcx_eintr);
    put(CR_STATE_NEXT,
        thread_.in_syscall() ? code_.value + CodeImage::in_syscall_end() : slot_ + CR_SLOT_IN_USER);
    uint64_t others[] = {r.rbx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14};
    for (size_t i = 0; i < 12; i++)
        put(CR_STATE_REGS + 8 * i, others[i]);
    put(CR_STATE_R15, r.r15);
    return bytes;
}

std::array<uint64_t, 4> Slot::words(TargetAddr program, TargetAddr state) const
{
    return {program.value, state.value, thread_.regs.rip, thread_.regs.r15};
}

TargetAddr Slot::words_at() const { return TargetAddr(slot_ + CR_SLOT_WORDS); }
TargetAddr Slot::resume_at() const { return TargetAddr(slot_ + CR_SLOT_RESUME); }

Call Slot::block_call(TargetAddr mask) const
{
    Call call;
    call.nr = SYS_rt_sigprocmask;
    call.args = {SIG_SETMASK, mask.value, 0, 8};
    return call;
}

// With signal 0 it sends nothing.
Call Slot::done_call() const
{
    Call call;
    call.nr = SYS_tgkill;
    call.args = {static_cast<uint64_t>(task_.vpid), static_cast<uint64_t>(thread_.vtid),
                 static_cast<uint64_t>(signal_)};
    return call;
}

void Slot::must(long result, const char *what) const
{
    if (sys::is_gone(result))
        failed_with(ESRCH, cat("make calls in thread ", thread_.tid, ": it was killed meanwhile"));
    sys::check(result, what);
}

void Slot::go(int signal)
{
    must(signal_ ? pt::cont(thread_.tid, signal) : pt::cont_to_syscall(thread_.tid, signal), "let it run");
}

void Slot::enter()
{
    user_regs_struct regs = thread_.regs;
    regs.rip = slot_ + CR_SLOT_ENTER;
    if (!thread_.in_syscall()) {
        regs.rip -= 2;
        regs.orig_rax = ~0ull;
    }
    must(pt::set_registers(thread_.tid, regs), "write the registers");
    must(pt::set_sigmask(thread_.tid, blocked()), "block its signals");
    go();
}

void Slot::go_on() { go(); }

void Slot::go_on(TargetAddr op)
{
    user_regs_struct regs = now_;
    regs.rip = code_.value;
    regs.orig_rax = ~0ull;
    regs.rbx = op.value;
    regs.r14 = 0;
    // Where a failure leads stands in front of a program; programs that go on have none that matter.
    regs.r13 = op.value;
    must(pt::set_registers(thread_.tid, regs), "write the registers");
    go();
}

void Slot::leave(const Waiter &waiter, Deadline deadline)
{
    user_regs_struct regs = thread_.regs;
    regs.rip = slot_ + CR_SLOT_LEAVE;
    if (!thread_.in_syscall()) {
        regs.rip -= 2;
        regs.orig_rax = ~0ull;
    }
    must(pt::set_registers(thread_.tid, regs), "write the registers");
    must(pt::set_sigmask(thread_.tid, thread_.sigmask), "put its signal mask back");
    must(pt::set_registers(thread_.tid, thread_.regs), "put its registers back");
    if (signal_)
        return;
    // At a system-call stop the kernel would not look at an interrupted call when it is let run (only when it
    // is detached): on to the stop of an interruption, which comes before anything else.
    must(pt::interrupt(thread_.tid), "interrupt it");
    must(pt::cont(thread_.tid), "let it run");
    for (;;) {
        auto status = waiter.wait(thread_.tid, deadline);
        if (!status)
            failed_with(ETIMEDOUT, cat("stop thread ", thread_.tid, " again"));
        if (status->gone())
            must(-ESRCH, "");
        if (status->event_stop())
            return;
        must(pt::cont(thread_.tid, status->signal_stop() ? status->signal() : 0), "let it run");
    }
}

TargetAddr Slot::wait_done(const Waiter &waiter, Deadline deadline)
{
    bool in_call = false;
    for (;;) {
        auto status = waiter.wait(thread_.tid, deadline);
        if (!status)
            failed_with(ETIMEDOUT, cat("make calls in thread ", thread_.tid));
        if (status->gone())
            must(-ESRCH, "");
        int deliver = 0;
        if (status->syscall_stop()) {
            in_call = !in_call;
            if (!in_call)
                must(pt::get_registers(thread_.tid, now_), "read the registers");
            if (!in_call && now_.orig_rax == SYS_tgkill)
                return TargetAddr(now_.rbx);
        } else if (status->signal_stop()) {
            must(pt::get_registers(thread_.tid, now_), "read the registers");
            if (status->signal() == signal_ && now_.orig_rax == SYS_tgkill &&
                now_.rip == code_.value + CodeImage::call_return())
                return TargetAddr(now_.rbx);
            // A real one: SIGSTOP, say, which no mask holds back. (The ignored one does nothing.)
            deliver = status->signal();
        }
        go(deliver);
    }
}

} // namespace cr::inject
