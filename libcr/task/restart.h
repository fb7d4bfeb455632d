// Which call a thread sleeps in when all that can be seen is restart_syscall(2).
//
// A sleep with a timeout that was interrupted once and went on (a stop and continue, an earlier dump that
// left the tree running) shows as restart_syscall: the kernel has the rest in the thread's restart block. A
// new thread has no such block, so the call itself must be made again, from the arguments that are still in
// the registers. Where the time that was left is known it is made once with that as its timeout, and
// interrupted at once: then the new thread has the block. Its number is not: the instruction before the
// system call names it in nearly all programs, and the arguments tell the four calls apart that the kernel
// restarts so (nanosleep, clock_nanosleep, poll, futex).
#pragma once

#include "libcr/sys/procmem.h"

#include <cstdint>
#include <ctime>
#include <sys/user.h>

namespace cr::task
{

// Stands in such a call, which the kernel would go on with by restart_syscall(2).
bool held_in_restart_block(const user_regs_struct &regs);
// The arguments of the call with `ns` left instead of its timeout; `slot`, where the task can read it, is to
// hold `time`. False when it is none of the four.
bool with_time_left(user_regs_struct &regs, uint64_t ns, TargetAddr slot, timespec &time);
bool interrupted_restart(const user_regs_struct &regs);
// The number of the call. Falls back on the arguments; never on something that is none of the four.
uint64_t original_call(const user_regs_struct &regs, const sys::ProcMem &memory);

} // namespace cr::task
