#include "libcr/task/restart.h"

#include <algorithm>
#include <cstring>
#include <sys/syscall.h>

namespace cr::task
{

namespace
{

constexpr int64_t kRestartSys = -512, kRestartBlock = -516;

bool candidate(uint32_t nr)
{
    return nr == SYS_nanosleep || nr == SYS_clock_nanosleep || nr == SYS_poll || nr == SYS_futex;
}

// "mov $NR, %eax" (b8) within the instructions before the system call, nearest first.
uint64_t from_code(const user_regs_struct &regs, const sys::ProcMem &memory)
{
    uint8_t code[48];
    constexpr size_t kSyscall = 2; // the instruction itself, before rip
    if (memory.read(TargetAddr(regs.rip - sizeof code), code, sizeof code) != sizeof code)
        return 0;
    for (size_t at = sizeof code - kSyscall - 5;; at--) {
        uint32_t nr;
        memcpy(&nr, code + at + 1, 4);
        if (code[at] == 0xb8 && candidate(nr))
            return nr;
        if (at == 0)
            return 0;
    }
}

bool readable(uint64_t address, const sys::ProcMem &memory)
{
    uint64_t word;
    return address >= 4096 && memory.read(TargetAddr(address), &word, sizeof word) == sizeof word;
}

uint64_t from_arguments(const user_regs_struct &regs, const sys::ProcMem &memory)
{
    // A clock is a small number, negative for CPU clocks; the others begin with an address.
    if (!readable(regs.rdi, memory))
        return SYS_clock_nanosleep;
    constexpr uint64_t kFutexCommand = 0x7f;
    uint32_t word = 0;
    memory.read(TargetAddr(regs.rdi), &word, sizeof word);
    bool futex_command = (regs.rsi & ~0x180ull) <= kFutexCommand &&
                         ((regs.rsi & kFutexCommand) == 0 || (regs.rsi & kFutexCommand) == 9);
    if (futex_command && word == static_cast<uint32_t>(regs.rdx) && readable(regs.r10, memory))
        return SYS_futex;
    if (regs.rsi && !readable(regs.rsi, memory) && static_cast<int32_t>(regs.rdx) > 0)
        return SYS_poll;
    return SYS_nanosleep;
}

} // namespace

bool held_in_restart_block(const user_regs_struct &regs)
{
    return static_cast<int64_t>(regs.orig_rax) >= 0 && static_cast<int64_t>(regs.rax) == kRestartBlock;
}

bool with_time_left(user_regs_struct &regs, uint64_t ns, TargetAddr slot, timespec &time)
{
    constexpr uint64_t kSecond = 1000000000, kMillisecond = 1000000;
    time = {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
    switch (regs.orig_rax) {
    case SYS_nanosleep:
        regs.rdi = slot.value;
        return true;
    case SYS_clock_nanosleep:
        regs.rdx = slot.value;
        return regs.rsi == 0; // not TIMER_ABSTIME
    case SYS_futex:
        regs.r10 = slot.value;
        return true;
    case SYS_poll:
        regs.rdx = std::min<uint64_t>((ns + kMillisecond - 1) / kMillisecond, INT32_MAX);
        return true;
    default:
        return false;
    }
}

bool interrupted_restart(const user_regs_struct &regs)
{
    int64_t result = static_cast<int64_t>(regs.rax);
    return regs.orig_rax == SYS_restart_syscall && result <= kRestartSys && result >= kRestartBlock;
}

uint64_t original_call(const user_regs_struct &regs, const sys::ProcMem &memory)
{
    uint64_t nr = from_code(regs, memory);
    return nr ? nr : from_arguments(regs, memory);
}

} // namespace cr::task
