// Flags of a process that prctl(2) and personality(2) keep, and its registrations for membarrier(2). What is
// set from outside through /proc (oom_score_adj, loginuid) is in outside.cc.
#include "libcr/task/kind.h"

#include <sys/prctl.h>

namespace cr::task
{

static void capture_flags(const TaskFacts &facts, img::core_entry &core)
{
    if (facts.state == TaskFacts::State::Zombie)
        return;
    img::task_core_entry &tc = *core.mutable_tc();
    tc.set_child_subreaper(facts.child_subreaper);
    tc.set_oom_score_adj(facts.oom_score_adj);
    if (facts.coredump_filter)
        tc.set_cr_coredump_filter(*facts.coredump_filter);
    if (facts.loginuid)
        tc.set_loginuid(*facts.loginuid);
    if (facts.membarrier_registrations && *facts.membarrier_registrations)
        tc.set_membarrier_registration_mask(*facts.membarrier_registrations);
}

static void arm_flags(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Process)
        return;
    const img::task_core_entry &tc = core.tc();
    build.program.sys(SYS_personality, {tc.personality()}, program::On::Fail, "personality");
    build.program.sys(SYS_prctl, {PR_SET_CHILD_SUBREAPER, tc.child_subreaper(), 0, 0, 0});
    // Bit n of the mask is the registration by command 1 << n.
    for (uint32_t bit = 0; bit < 32; bit++)
        if (tc.membarrier_registration_mask() & (1u << bit))
            build.program.sys(SYS_membarrier, {1u << bit, 0, 0}, program::On::Fail,
                              "membarrier registration");
}

extern const Kind kProcessFlags;
const Kind kProcessFlags = {"process flags", capture_flags, nullptr, nullptr, arm_flags};

} // namespace cr::task
