// Flags of a process that prctl(2) and personality(2) keep, and its registrations for membarrier(2). What is
// set from outside through /proc (oom_score_adj, the nice value of an autogroup) is in outside.cc.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <fcntl.h>
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
    if (facts.autogroup_nice)
        tc.set_cr_autogroup_nice(facts.autogroup_nice);
    if (facts.loginuid)
        tc.set_loginuid(*facts.loginuid);
    if (facts.membarrier_registrations && *facts.membarrier_registrations)
        tc.set_membarrier_registration_mask(*facts.membarrier_registrations);
}

static void check_flags(const img::core_entry &core, bool, const Host &)
{
    if (core.tc().cr_autogroup_nice() < -20 || core.tc().cr_autogroup_nice() > 19)
        bad_image(cat("nice ", core.tc().cr_autogroup_nice(), " of its autogroup"));
}

// A task may change only its own, and threads and children begin with it.
static void arm_loginuid(uint32_t uid, Build &build)
{
    std::string text = cat(uid);
    constexpr const char kPath[] = "/proc/self/loginuid";
    auto fd = build.program.sys(
        SYS_openat, {AT_FDCWD, build.region.data(kPath, sizeof kPath, 1), O_WRONLY | O_CLOEXEC, 0},
        program::On::Fail, kPath);
    build.program.sys(SYS_write, {fd, build.region.data(text.data(), text.size(), 1), text.size()},
                      program::On::Fail, cat("audit login user ", uid, " (needs CAP_AUDIT_CONTROL)"));
    build.close(fd);
}

static void arm_flags(const img::core_entry &core, bool, Phase phase, const Host &host, Build &build)
{
    if (phase == Phase::Early && host.set_loginuid && core.tc().has_loginuid())
        arm_loginuid(core.tc().loginuid(), build);
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
const Kind kProcessFlags = {"process flags", capture_flags, nullptr, check_flags, arm_flags};

} // namespace cr::task
