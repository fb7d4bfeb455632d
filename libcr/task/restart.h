// Which call a thread sleeps in when all that can be seen is restart_syscall(2).
//
// A sleep with a timeout that was interrupted once and went on (a stop and continue, an earlier dump that
// left the tree running) shows as restart_syscall: the kernel has the rest in the thread's restart block. A
// new thread has no such block, so the call itself must be made again, from the arguments that are still in
// the registers. Its number is not: the instruction before the system call names it in nearly all programs,
// and the arguments tell the four calls apart that the kernel restarts so (nanosleep, clock_nanosleep, poll,
// futex).
#pragma once

#include "libcr/sys/procmem.h"

#include <cstdint>
#include <sys/user.h>

namespace cr::task
{

bool interrupted_restart(const user_regs_struct &regs);
// The number of the call. Falls back on the arguments; never on something that is none of the four.
uint64_t original_call(const user_regs_struct &regs, const sys::ProcMem &memory);

} // namespace cr::task
