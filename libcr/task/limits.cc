// Resource limits. Set late: a low limit on descriptors, memory or processes would hinder the restore itself.
// A hard limit above ours can only be set with CAP_SYS_RESOURCE.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

namespace cr::task
{

static void capture_limits(const TaskFacts &facts, img::core_entry &core)
{
    if (facts.state == TaskFacts::State::Zombie)
        return;
    for (const rlimit64 &limit : facts.limits) {
        img::rlimit_entry &out = *core.mutable_tc()->mutable_rlimits()->add_rlimits();
        out.set_cur(limit.rlim_cur);
        out.set_max(limit.rlim_max);
    }
}

static void check_limits(const img::core_entry &core, bool leader, const Host &)
{
    if (!leader)
        return;
    if (core.tc().rlimits().rlimits_size() > RLIM_NLIMITS)
        bad_image(cat(core.tc().rlimits().rlimits_size(), " resource limits; this kernel has 16"));
    for (const img::rlimit_entry &limit : core.tc().rlimits().rlimits())
        if (limit.cur() > limit.max())
            bad_image(cat("a soft limit ", limit.cur(), " above its hard limit ", limit.max()));
}

static void arm_limits(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Process)
        return;
    static constexpr const char *kNames[] = {"CPU",      "FSIZE",  "DATA",    "STACK", "CORE",  "RSS",
                                             "NPROC",    "NOFILE", "MEMLOCK", "AS",    "LOCKS", "SIGPENDING",
                                             "MSGQUEUE", "NICE",   "RTPRIO",  "RTTIME"};
    for (int i = 0; i < core.tc().rlimits().rlimits_size(); i++) {
        const img::rlimit_entry &in = core.tc().rlimits().rlimits(i);
        rlimit64 limit{in.cur(), in.max()};
        auto data = build.region.data(&limit, sizeof limit);
        build.program.sys(SYS_prlimit64, {0, i, data, 0}, program::On::Fail,
                          cat("RLIMIT_", kNames[i], " (a hard limit above ours needs CAP_SYS_RESOURCE)"));
    }
}

extern const Kind kLimits;
const Kind kLimits = {"resource limits", capture_limits, nullptr, check_limits, arm_limits};

} // namespace cr::task
