// Running system calls inside stopped tasks, so that whatever becomes of us, at whatever instant, they go on
// as if nothing had been done to them.
//
// What is used, and why it is safe (pie/inject.S tells what the code does):
//   - code goes into the unused end of the vDSO's page (pad.h): nothing of the task is overwritten;
//   - answers go to memory that the injected code maps first and unmaps last, by itself;
//   - no single step, no breakpoint: those would need a living tracer. A thread tells that it is done by
//   sending
//     itself a signal that it ignores anyway: that stops it while it is traced, and is nothing otherwise.
//     Where every such signal is handled or blocked (Go programs) the end is found by stops at system calls
//     instead, which are nothing without a tracer either;
//   - the code ends by putting signal mask and registers back and jumping to where the thread was.
//
// The order in which a thread is sent off is such that it can be left alone between any two steps:
//   1. code and states are written, unused yet;
//   2. registers are set: to the slot's `enter`, the interrupted call still in orig_rax and rax;
//   3. all signals but that one are blocked. (Not before 2: nobody would unblock them.)
//   4. the thread runs.
// And back:
//   5. registers are set to the slot's `leave`: would go back by itself;
//   6. the signal mask is set back;
//   7. registers are set to exactly what they were.
//
// A process of several threads: the first runs what is asked of the process and maps the memory, but it may
// not unmap it by itself, since another thread may be still using it when we die. So it does that in an entry
// of its own, made when all others are back. A page may so be left behind when we are killed; the pad records
// it and the next capture takes it over.
#pragma once

#include "libcr/inject/calls.h"
#include "libcr/inject/freeze.h"

#include <functional>
#include <vector>

namespace cr::inject
{

// What is to be run in one task: threads[i] in the i-th thread of the task; may be shorter, and empty in
// places.
struct Job {
    FrozenTask *task = nullptr;
    std::vector<Calls> threads;
    // Called while the leader stands between its calls and the closing of its transient descriptors
    // (Calls::transient).
    std::function<void(const Calls &)> made = {};
};

// Runs all jobs side by side, but one after the other those in tasks that share their memory, and leaves the
// answers in their Calls. All threads are afterwards as they were, in a ptrace-stop. Throws when a task
// cannot be used so (Refused: no vDSO, ...) or dies meanwhile (Failed, ESRCH).
void run(std::vector<Job> &jobs, const Waiter &waiter);
void run(Job &job, const Waiter &waiter);

} // namespace cr::inject
