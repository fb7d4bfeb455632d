#include "libcr/inject/thread.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace cr::inject
{

namespace
{

// Calls that fail with -EINTR on any interruption, seen by trying all that block: without a timeout for some,
// with SO_RCVTIMEO or SO_SNDTIMEO for those on sockets. Not close(2): its descriptor is gone then.
constexpr long kInterrupted[] = {
    SYS_epoll_wait,   SYS_epoll_pwait,   SYS_epoll_pwait2,   SYS_rt_sigtimedwait, SYS_semop,   SYS_semtimedop,
    SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter, SYS_recvfrom,        SYS_recvmsg, SYS_recvmmsg,
    SYS_sendto,       SYS_sendmsg,       SYS_sendmmsg,       SYS_accept,          SYS_accept4, SYS_connect,
    SYS_read,         SYS_write,         SYS_readv,          SYS_writev,
};

// The same of 32-bit code: epoll_wait, epoll_pwait, epoll_pwait2, rt_sigtimedwait and its time64, ipc,
// semtimedop_time64, io_getevents, io_pgetevents and its time64, io_uring_enter, recvfrom, recvmsg, recvmmsg
// and its time64, sendto, sendmsg, sendmmsg, accept4, connect, socketcall, read, write, readv, writev.
constexpr long kInterrupted32[] = {256, 319, 441, 177, 421, 117, 420, 247, 385, 416, 426, 371, 372,
                                   337, 417, 369, 370, 345, 364, 362, 102, 3,   4,   145, 146};

bool ends_with_eintr(int64_t nr, bool code_32)
{
    std::span<const long> all = code_32 ? std::span<const long>(kInterrupted32) : kInterrupted;
    return std::find(all.begin(), all.end(), nr) != all.end();
}

// struct rseq (include/uapi/linux/rseq.h): the address of the current sequence is 8 bytes in.
struct RseqCs {
    uint32_t version, flags;
    uint64_t start, length, abort;
};

// The place to go on when `ip` is within a restartable sequence, else 0.
uint64_t rseq_abort(pid_t tid, uint64_t rseq, uint64_t ip)
{
    uint64_t at = 0;
    RseqCs cs{};
    if (sys::read_memory(tid, TargetAddr(rseq + 8), &at, sizeof at) != sizeof at || !at ||
        sys::read_memory(tid, TargetAddr(at), &cs, sizeof cs) != sizeof cs)
        return 0;
    return ip - cs.start < cs.length ? cs.abort : 0;
}

} // namespace

bool FrozenThread::in_syscall() const
{
    auto rax = static_cast<int64_t>(regs.rax);
    return static_cast<int64_t>(regs.orig_rax) >= 0 &&
           (rax == kRestartSys || rax == kRestartNoIntr || rax == kRestartNoHand || rax == kRestartBlock);
}

long capture(FrozenThread &thread)
{
    namespace pt = sys::ptrace;
    pid_t tid = thread.tid;
    if (long r = pt::get_registers(tid, thread.regs); r < 0)
        return sys::is_gone(r) ? r : sys::check(r, "read the registers");
    bool mended = false;
    auto nr = static_cast<int64_t>(thread.regs.orig_rax);
    if (nr >= 0 && static_cast<int64_t>(thread.regs.rax) == -EINTR &&
        ends_with_eintr(nr, thread.runs_32_bit())) {
        thread.regs.rax = static_cast<uint64_t>(kRestartNoHand);
        mended = true;
    }
    if (long r = pt::get_rseq(tid, thread.rseq); r < 0 && !sys::is_gone(r) && r != -EIO && r != -EINVAL)
        sys::check(r, "read the rseq registration");
    if (thread.rseq.rseq_abi_pointer && !thread.in_syscall())
        if (uint64_t abort = rseq_abort(tid, thread.rseq.rseq_abi_pointer, thread.regs.rip)) {
            thread.regs.rip = abort;
            mended = true;
        }
    if (mended)
        if (long r = pt::set_registers(tid, thread.regs); r < 0)
            return sys::is_gone(r) ? r : sys::check(r, "write the registers");
    if (long r = pt::get_xsave(tid, thread.xsave); r < 0)
        return sys::is_gone(r) ? r : sys::check(r, "read the floating-point state");
    if (long r = pt::get_user_dispatch(tid, thread.user_dispatch); r < 0 && !sys::is_gone(r) && r != -EIO)
        sys::check(r, "read where its system calls are dispatched");
    if (long r = pt::get_sigmask(tid, thread.sigmask); r < 0)
        return sys::is_gone(r) ? r : sys::check(r, "read the signal mask");
    sys::get_robust_list(tid, thread.robust);
    return 0;
}

} // namespace cr::inject
