// The name of a thread and how it is scheduled: policy, priority, nice. Set by the thread itself while it
// still has its privileges. sched_policy holds the policy of sched(7) with SCHED_RESET_ON_FORK or-ed in, as
// sched_getscheduler(2) gives it.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <sched.h>
#include <sys/prctl.h>

namespace cr::task
{

static void capture_name(const ThreadFacts &facts, img::core_entry &core)
{
    core.mutable_thread_core()->set_comm(facts.stat.comm);
}

static void arm_name(const img::core_entry &core, bool leader, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Thread)
        return;
    std::string name = core.thread_core().has_comm() ? core.thread_core().comm() : core.tc().comm();
    if (!leader && name.empty())
        return;
    name.resize(16); // TASK_COMM_LEN
    name.back() = '\0';
    auto data = build.region.data(name.data(), name.size());
    build.program.sys(SYS_prctl, {PR_SET_NAME, data, 0, 0, 0});
}

static void capture_scheduling(const ThreadFacts &facts, img::core_entry &core)
{
    img::thread_core_entry &thread = *core.mutable_thread_core();
    thread.set_sched_policy(static_cast<uint32_t>(facts.policy));
    thread.set_sched_prio(static_cast<uint32_t>(facts.priority));
    thread.set_sched_nice(static_cast<int32_t>(facts.stat.nice));
}

static void check_scheduling(const img::core_entry &core, bool, const Host &)
{
    const img::thread_core_entry &thread = core.thread_core();
    uint32_t policy = thread.sched_policy() & ~static_cast<uint32_t>(SCHED_RESET_ON_FORK);
    if (policy > SCHED_IDLE || policy == 4)
        refused(cat("scheduling policy ", policy, " is not supported yet"));
    if (thread.sched_nice() < -20 || thread.sched_nice() > 19 || thread.sched_prio() > 99)
        bad_image(cat("nice ", thread.sched_nice(), ", priority ", thread.sched_prio()));
}

static void arm_scheduling(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Thread || !core.thread_core().has_sched_policy())
        return;
    const img::thread_core_entry &thread = core.thread_core();
    sched_param param{};
    param.sched_priority = static_cast<int>(thread.sched_prio());
    auto data = build.region.data(&param, sizeof param);
    // nice first: it cannot be set under a real-time policy's RESET_ON_FORK without losing it.
    build.program.sys(SYS_setpriority, {0, 0, thread.sched_nice()}, program::On::Fail, "nice value");
    build.program.sys(SYS_sched_setscheduler, {0, thread.sched_policy(), data}, program::On::Fail,
                      "scheduling policy (needs CAP_SYS_NICE)");
}

extern const Kind kName, kScheduling;
const Kind kName = {"name", nullptr, capture_name, nullptr, arm_name};
const Kind kScheduling = {"scheduling", nullptr, capture_scheduling, check_scheduling, arm_scheduling};

} // namespace cr::task
