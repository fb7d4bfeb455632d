// The name of a thread and how it is scheduled: policy, priority, nice, SCHED_DEADLINE, limits of
// utilization. Set by the thread itself while it still has its privileges. sched_policy holds the policy of
// sched(7) with SCHED_RESET_ON_FORK or-ed in, as sched_getscheduler(2) gives it; what CRIU does not keep is
// in fields of ours.
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

static constexpr uint64_t kDeadlineFlags =
    sys::kSchedResetOnFork | sys::kSchedReclaim | sys::kSchedDeadlineOverrun;
static constexpr uint32_t kFullUtilization = 1024; // SCHED_CAPACITY_SCALE

static void capture_scheduling(const ThreadFacts &facts, img::core_entry &core)
{
    img::thread_core_entry &thread = *core.mutable_thread_core();
    const sys::SchedAttr &attr = facts.scheduling;
    bool reset_on_fork = attr.flags & sys::kSchedResetOnFork;
    thread.set_sched_policy(attr.policy | (reset_on_fork ? SCHED_RESET_ON_FORK : 0));
    thread.set_sched_prio(attr.priority);
    thread.set_sched_nice(static_cast<int32_t>(facts.stat.nice));
    if (attr.policy == sys::kSchedDeadline) {
        thread.set_cr_sched_flags(attr.flags);
        thread.set_cr_dl_runtime(attr.runtime);
        thread.set_cr_dl_deadline(attr.deadline);
        thread.set_cr_dl_period(attr.period);
    }
    // Both are 0 on a kernel without them.
    if (attr.util_max != 0 && (attr.util_min != 0 || attr.util_max != kFullUtilization)) {
        thread.set_cr_util_min(attr.util_min);
        thread.set_cr_util_max(attr.util_max);
    }
}

static void check_scheduling(const img::core_entry &core, bool, const Host &)
{
    const img::thread_core_entry &thread = core.thread_core();
    uint32_t policy = thread.sched_policy() & ~static_cast<uint32_t>(SCHED_RESET_ON_FORK);
    bool deadline = policy == sys::kSchedDeadline;
    if (policy == 4 || (policy > SCHED_IDLE && !deadline))
        refused(cat("scheduling policy ", policy, " is not supported yet"));
    if (thread.sched_nice() < -20 || thread.sched_nice() > 19 || thread.sched_prio() > 99)
        bad_image(cat("nice ", thread.sched_nice(), ", priority ", thread.sched_prio()));
    if (deadline && (!thread.has_cr_dl_runtime() || !thread.has_cr_dl_deadline()))
        bad_image("SCHED_DEADLINE without its runtime and deadline");
    if (thread.cr_sched_flags() & ~kDeadlineFlags)
        bad_image(cat("flags ", hex(thread.cr_sched_flags()), " of SCHED_DEADLINE"));
    if (thread.cr_util_min() > kFullUtilization || thread.cr_util_max() > kFullUtilization)
        bad_image(cat("utilization from ", thread.cr_util_min(), " to ", thread.cr_util_max(), " of 1024"));
}

static void arm_deadline(const img::thread_core_entry &thread, Build &build)
{
    sys::SchedAttr attr;
    attr.policy = sys::kSchedDeadline;
    attr.flags = thread.cr_sched_flags();
    attr.runtime = thread.cr_dl_runtime();
    attr.deadline = thread.cr_dl_deadline();
    attr.period = thread.cr_dl_period();
    auto data = build.region.data(&attr, sizeof attr);
    build.program.sys(SYS_sched_setattr, {0, data, 0}, program::On::Fail,
                      "SCHED_DEADLINE (needs CAP_SYS_NICE, and time that no other such thread has reserved)");
}

static void arm_utilization(const img::thread_core_entry &thread, Build &build)
{
    if (!thread.has_cr_util_max())
        return;
    sys::SchedAttr attr;
    attr.flags = sys::kSchedKeepPolicy | sys::kSchedKeepParams | sys::kSchedUtilMin | sys::kSchedUtilMax;
    attr.util_min = thread.cr_util_min();
    attr.util_max = thread.cr_util_max();
    auto data = build.region.data(&attr, sizeof attr);
    build.program.sys(SYS_sched_setattr, {0, data, 0}, program::On::Fail,
                      "limits of utilization (need a kernel with CONFIG_UCLAMP_TASK)");
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
    if ((thread.sched_policy() & ~static_cast<uint32_t>(SCHED_RESET_ON_FORK)) == sys::kSchedDeadline)
        arm_deadline(thread, build);
    else
        build.program.sys(SYS_sched_setscheduler, {0, thread.sched_policy(), data}, program::On::Fail,
                          "scheduling policy (needs CAP_SYS_NICE)");
    arm_utilization(thread, build);
}

extern const Kind kName, kScheduling;
const Kind kName = {"name", nullptr, capture_name, nullptr, arm_name};
const Kind kScheduling = {"scheduling", nullptr, capture_scheduling, check_scheduling, arm_scheduling};

} // namespace cr::task
