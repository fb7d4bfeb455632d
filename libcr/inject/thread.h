// A thread that is held in a ptrace-stop, with its state as an image needs it.
//
// What the kernel shows of a thread that was interrupted in a system call is not yet what it goes on with:
// rax holds -ERESTART*, and on the way back to user mode the kernel makes the call again, or lets it fail
// with -EINTR when a handler runs. That stays the kernel's business: the state here is the one with
// -ERESTART* in it. Two things have to be mended, in the thread itself, before anything else is done with it:
//   - some calls end with -EINTR after any interruption, signal or not (epoll_wait, sigtimedwait, ...). Ours
//   was
//     none, so the kernel is told to make them again (-ERESTARTNOHAND: unless a handler runs);
//   - a thread in a restartable sequence (rseq(2)) has been interrupted in it and must go on at its abort
//   handler.
//     The kernel would forget that as soon as other code runs in the thread.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/proc/stat.h"
#include "libcr/proc/status.h"
#include "libcr/sys/process.h"
#include "libcr/sys/ptrace.h"

#include <cstdint>
#include <sys/types.h>
#include <sys/user.h>
#include <vector>

namespace cr::inject
{

struct FrozenThread {
    pid_t tid = 0;
    pid_t vtid = 0; // in its own pid namespace
    user_regs_struct regs{};
    std::vector<uint8_t> xsave; // NT_X86_XSTATE
    uint64_t sigmask = 0;
    ptrace_rseq_configuration rseq{}; // rseq_abi_pointer 0: none
    sys::RobustList robust;
    sys::ptrace::UserDispatch user_dispatch; // mode 0: none
    proc::Status status;
    bool group_stopped = false;

    // How the kernel holds it, for those who let it run.
    bool seized = false, stopped = false;
    bool gone = false;     // it ended while we looked: no thread of the image
    bool given_up = false; // it did not stop in time (and counts as gone)

    bool runs_32_bit() const { return regs.cs == sys::kCode32; }
    // In a system call that the kernel makes again, or ends with -EINTR.
    bool in_syscall() const;
};

// -ERESTART* as the kernel puts them into rax (include/linux/errno.h).
inline constexpr int64_t kRestartSys = -512, kRestartNoIntr = -513, kRestartNoHand = -514,
                         kRestartBlock = -516;

// Reads the registers of a thread that stopped for the first time, and mends them as told above.
// -ESRCH when it is gone; throws on anything else.
long capture(FrozenThread &thread);

} // namespace cr::inject
