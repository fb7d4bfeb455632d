// Whether a task runs, is stopped or is dead, and the fields of task_core_entry that every reader expects.
#include "libcr/task/state.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

namespace cr::task
{

static void capture_state(const TaskFacts &facts, img::core_entry &core)
{
    img::task_core_entry &tc = *core.mutable_tc();
    switch (facts.state) {
    case TaskFacts::State::Alive:
        tc.set_task_state(kAlive);
        break;
    case TaskFacts::State::Stopped:
        tc.set_task_state(kStopped);
        tc.set_stop_signo(static_cast<uint32_t>(facts.stop_signal));
        // What wait(2) would tell; it was told already when nothing is left of it.
        if (!facts.stat.exit_code)
            tc.set_cr_stop_seen(true);
        break;
    case TaskFacts::State::Zombie:
        tc.set_task_state(kDead);
        break;
    }
    tc.set_exit_code(
        static_cast<uint32_t>(facts.state == TaskFacts::State::Zombie ? facts.stat.exit_code : 0));
    tc.set_flags(0);
    tc.set_comm(facts.stat.comm);
    tc.set_personality(facts.personality);
    tc.set_blk_sigset(facts.threads.empty() ? facts.dead_sigmask : facts.threads[0].sigmask);
    if (facts.dead_leader)
        tc.set_cr_leader_exit_code(static_cast<uint32_t>(facts.stat.exit_code));
    if (facts.stat.exit_signal != SIGCHLD)
        tc.set_cr_exit_signal(static_cast<uint32_t>(facts.stat.exit_signal));
}

static void check_state(const img::core_entry &core, bool leader, const Host &)
{
    if (core.mtype() != img::core_entry::X86_64)
        bad_image("this is a task of another architecture", "restore it on such a machine");
    if (!leader)
        return;
    if (!core.has_tc())
        bad_image("the leader's core image has no task part");
    if (core.tc().cr_leader_exit_code() & ~0xff00u)
        bad_image(cat("cr_leader_exit_code is ", core.tc().cr_leader_exit_code()));
    if (core.tc().cr_exit_signal() > 64)
        bad_image(cat("cr_exit_signal is ", core.tc().cr_exit_signal()));
    switch (core.tc().task_state()) {
    case kAlive:
    case kDead:
        break;
    case kStopped: {
        uint32_t signo = core.tc().stop_signo();
        if (signo && signo != SIGSTOP && signo != SIGTSTP && signo != SIGTTIN && signo != SIGTTOU)
            bad_image(cat("stop_signo is ", signo, ", which stops no task"));
        break;
    }
    default:
        bad_image(cat("task_state is ", core.tc().task_state()));
    }
}

extern const Kind kState;
const Kind kState = {"state", capture_state, nullptr, check_state, nullptr};

} // namespace cr::task
