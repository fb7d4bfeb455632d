// ptrace(2), one function per request, typed. Each returns the kernel's result or -errno: a task that is gone
// (-ESRCH) is an ordinary answer. All calls must come from the thread that seized.
#pragma once

#include "libcr/sys/gate.h"

#include <asm/ldt.h>
#include <cpuid.h>
#include <csignal>
#include <cstdint>
#include <elf.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <vector>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

namespace cr::sys
{

// Selectors of code segments: they tell what code a thread runs.
inline constexpr uint64_t kCode64 = 0x33, kCode32 = 0x23;

} // namespace cr::sys

namespace cr::sys::ptrace
{

inline long request(long what, pid_t tid, uint64_t addr = 0, uint64_t data = 0)
{
    return call(SYS_ptrace, what, tid, addr, data);
}
inline uint64_t pointer(const void *p) { return reinterpret_cast<uint64_t>(p); }

inline long seize(pid_t tid, uint64_t options) { return request(PTRACE_SEIZE, tid, 0, options); }
inline long set_options(pid_t tid, uint64_t options) { return request(PTRACE_SETOPTIONS, tid, 0, options); }
inline long interrupt(pid_t tid) { return request(PTRACE_INTERRUPT, tid); }
inline long cont(pid_t tid, int signal = 0) { return request(7 /* PTRACE_CONT */, tid, 0, uint64_t(signal)); }
// Runs on to the next entry into or exit from a system call.
inline long cont_to_syscall(pid_t tid, int signal = 0)
{
    return request(PTRACE_SYSCALL, tid, 0, uint64_t(signal));
}
inline long step(pid_t tid) { return request(9 /* PTRACE_SINGLESTEP */, tid); }
inline long listen(pid_t tid) { return request(PTRACE_LISTEN, tid); }
inline long detach(pid_t tid, int signal = 0)
{
    return request(17 /* PTRACE_DETACH */, tid, 0, uint64_t(signal));
}

// In our own form, whatever code the thread runs.
inline long get_registers(pid_t tid, user_regs_struct &regs)
{
    return request(12 /* PTRACE_GETREGS */, tid, 0, pointer(&regs));
}
inline long set_registers(pid_t tid, const user_regs_struct &regs)
{
    return request(13 /* PTRACE_SETREGS */, tid, 0, pointer(const_cast<user_regs_struct *>(&regs)));
}
// One of the entries of set_thread_area(2); `number` is that of the entry.
inline long get_thread_area(pid_t tid, unsigned number, user_desc &area)
{
    return request(25 /* PTRACE_GET_THREAD_AREA */, tid, number, pointer(&area));
}
inline long set_thread_area(pid_t tid, unsigned number, const user_desc &area)
{
    return request(26 /* PTRACE_SET_THREAD_AREA */, tid, number, pointer(const_cast<user_desc *>(&area)));
}
// The xsave area, in its standard (not compacted) form; `area` becomes as long as it is on this CPU.
inline long get_xsave(pid_t tid, std::vector<uint8_t> &area)
{
    static const size_t size = [] { // of an area with all that the CPU has
        uint32_t a = 0, b = 0, c = 0, d = 0;
        __get_cpuid_count(13, 0, &a, &b, &c, &d);
        return size_t(c < 4096 ? 4096 : c);
    }();
    area.resize(size);
    iovec io{area.data(), area.size()};
    long r = request(PTRACE_GETREGSET, tid, NT_X86_XSTATE, pointer(&io));
    area.resize(r < 0 ? 0 : io.iov_len);
    return r;
}
inline long set_xsave(pid_t tid, const std::vector<uint8_t> &area)
{
    iovec io{const_cast<uint8_t *>(area.data()), area.size()};
    return request(PTRACE_SETREGSET, tid, NT_X86_XSTATE, pointer(&io));
}

inline long get_sigmask(pid_t tid, uint64_t &mask)
{
    return request(PTRACE_GETSIGMASK, tid, 8, pointer(&mask));
}
inline long set_sigmask(pid_t tid, uint64_t mask)
{
    return request(PTRACE_SETSIGMASK, tid, 8, pointer(&mask));
}

// Of a birth: the new process or thread.
inline long event_message(pid_t tid, unsigned long &message)
{
    return request(PTRACE_GETEVENTMSG, tid, 0, pointer(&message));
}

// The siginfo of the signal of a signal-delivery-stop; -EINVAL in a group-stop.
inline long get_siginfo(pid_t tid, siginfo_t &info)
{
    return request(PTRACE_GETSIGINFO, tid, 0, pointer(&info));
}

// Queued signals from the `from`-th on, up to `count` of them, into `out`; the number got.
inline long peek_siginfo(pid_t tid, bool shared, uint64_t from, siginfo_t *out, int32_t count)
{
    ptrace_peeksiginfo_args args{from, shared ? uint32_t(PTRACE_PEEKSIGINFO_SHARED) : 0, count};
    return request(PTRACE_PEEKSIGINFO, tid, pointer(&args), pointer(out));
}

// 0 for rseq_abi_pointer means none registered. -EIO before Linux 5.13.
inline long get_rseq(pid_t tid, ptrace_rseq_configuration &rseq)
{
    rseq = {};
    return request(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof rseq, pointer(&rseq));
}

// The bitmap of I/O ports that a thread may not use, empty where it may use none (ioperm(2)).
inline long get_io_ports(pid_t tid, std::vector<uint8_t> &to)
{
    constexpr uint64_t kNtIoperm = 0x201; // NT_386_IOPERM
    constexpr size_t kAllPorts = 65536 / 8;
    to.resize(kAllPorts);
    iovec io{to.data(), to.size()};
    long r = request(PTRACE_GETREGSET, tid, kNtIoperm, pointer(&io));
    to.resize(r < 0 ? 0 : io.iov_len);
    return r;
}

// prctl(PR_SET_SYSCALL_USER_DISPATCH) as the kernel's struct ptrace_sud_config has it. -EIO before Linux 6.4.
struct UserDispatch {
    uint64_t mode = 0, selector = 0, start = 0, length = 0;
};
inline long get_user_dispatch(pid_t tid, UserDispatch &to)
{
    constexpr long kGet = 0x4211; // PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    return request(kGet, tid, sizeof to, pointer(&to));
}
inline long set_user_dispatch(pid_t tid, const UserDispatch &from)
{
    constexpr long kSet = 0x4210; // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
    return request(kSet, tid, sizeof from, pointer(&from));
}

} // namespace cr::sys::ptrace
