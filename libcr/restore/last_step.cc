#include "libcr/restore/last_step.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/restore/stops.h"
#include "libcr/sys/ptrace.h"
#include "libcr/task/registers.h"
#include "libcr/task/restart.h"
#include "libcr/task/thread_flags.h"

#include <map>
#include <set>

namespace cr::restore
{

namespace
{

// Calls with a timeout go on with the time that was left.
std::set<pid_t> begin_calls(const Plan &plan, Tracees &tracees, RegionMemory &memory,
                            const Programs &programs)
{
    std::map<pid_t, user_regs_struct> calls;
    for (size_t number = 0; number < plan.images.tasks.size(); number++) {
        const TaskImage &task = plan.images.tasks[number];
        if (task.zombie() || task.runs_32_bit())
            continue;
        TargetAddr insn = syscall_instruction(plan.images, number, plan.memory).insn;
        for (size_t i = 0; i < task.threads.size(); i++) {
            const img::thread_core_entry &core = task.threads[i].thread_core();
            if (!task.threads[i].has_thread_info())
                continue; // of a main thread that has ended
            user_regs_struct regs = task::get_registers(task.threads[i].thread_info().gpregs());
            if (!core.has_cr_call_left() || !task::held_in_restart_block(regs))
                continue;
            pid_t tid = static_cast<pid_t>(task.tree.threads(static_cast<int>(i)));
            program::DataId slot = programs.call_slots.at(tid);
            timespec time{};
            if (!task::with_time_left(regs, core.cr_call_left(), memory.write(slot, &time, sizeof time),
                                      time))
                continue;
            memory.write(slot, &time, sizeof time);
            regs.rip = insn.value;
            regs.rax = regs.orig_rax;
            regs.orig_rax = ~0ull;
            calls[tid] = regs;
        }
    }
    return tracees.begin_calls(calls);
}

// A main thread that has ended does so again as soon as it is let go: its children and the other threads have
// come from it.
void end_leader(const Plan &plan, size_t number)
{
    const TaskImage &task = plan.images.tasks[number];
    user_regs_struct regs;
    sys::check(sys::ptrace::get_registers(task.pid(), regs), "read registers");
    uint64_t code = task.leader().tc().cr_leader_exit_code() >> 8;
    syscall_instruction(plan.images, number, plan.memory).call(regs, SYS_exit, {code});
    sys::check(sys::ptrace::set_registers(task.pid(), regs), "set registers");
}

// `in_calls`: threads whose call the kernel goes on with.
void set_registers(const TaskImage &task, const std::set<pid_t> &in_calls)
{
    for (size_t i = task.leader_dead() ? 1 : 0; i < task.threads.size(); i++) {
        pid_t tid = static_cast<pid_t>(task.tree.threads(static_cast<int>(i)));
        auto name = [&] { return cat("pid ", task.pid(), ", thread ", tid); };
        Subject subject(name);
        const img::core_entry &core = task.threads[i];
        user_regs_struct regs = task::get_registers(core.thread_info().gpregs());
        // Where there is no restart block in the new task the call is made again from its arguments.
        constexpr uint64_t kRestartBlock = static_cast<uint64_t>(-516),
                           kRestartNoHand = static_cast<uint64_t>(-514);
        if (static_cast<int64_t>(regs.orig_rax) >= 0 && regs.rax == kRestartBlock && !in_calls.count(tid))
            regs.rax = kRestartNoHand;
        sys::check(sys::ptrace::set_xsave(tid, task::get_xsave(core.thread_info().fpregs())),
                   "set floating-point registers");
        for (const user_desc &area : task::thread_areas(core))
            sys::check(sys::ptrace::set_thread_area(tid, area.entry_number, area),
                       "set an area of thread-local storage");
        sys::check(sys::ptrace::set_registers(tid, regs), "set registers");
        uint64_t mask =
            core.thread_core().has_blk_sigset() ? core.thread_core().blk_sigset() : core.tc().blk_sigset();
        sys::check(sys::ptrace::set_sigmask(tid, mask), "set the signal mask");
        task::set_user_dispatch(tid, core);
    }
}

} // namespace

void take_last_step(const Plan &plan, Tracees &tracees, RegionMemory &memory, const Programs &programs)
{
    write_jumps(plan.images, plan.memory);
    std::set<pid_t> in_calls = begin_calls(plan, tracees, memory, programs);
    auto syscall_in = [&](size_t task) { return syscall_instruction(plan.images, task, plan.memory); };
    stop_early(plan.images, tracees, memory, programs.stops_slot, syscall_in);
    for (size_t i = 0; i < plan.images.tasks.size(); i++)
        if (plan.images.tasks[i].mm) {
            pid_t pid = plan.images.tasks[i].pid();
            sys::check(tracees.call_in(pid, syscall_in(i), SYS_munmap,
                                       {memory.base().value, memory.size(), 0, 0, 0}),
                       [&] { return cat("unmap the programs of the new pid ", pid); });
        }
    for (size_t i = 0; i < plan.images.tasks.size(); i++) {
        if (plan.images.tasks[i].leader_dead())
            end_leader(plan, i);
        if (!plan.images.tasks[i].zombie())
            set_registers(plan.images.tasks[i], in_calls);
    }
}

} // namespace cr::restore
