// sched_getattr(2) and sched_setattr(2), which older C libraries have no structure for and newer ones have
// two.
#pragma once

#include "libcr/sys/gate.h"

#include <cstdint>
#include <sys/syscall.h>
#include <sys/types.h>

namespace cr::sys
{

struct SchedAttr {
    uint32_t size = sizeof(SchedAttr), policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0; // of SCHED_DEADLINE
    uint32_t util_min = 0, util_max = 1024;
};
static_assert(sizeof(SchedAttr) == 56);

constexpr uint32_t kSchedDeadline = 6;
constexpr uint64_t kSchedResetOnFork = 1, kSchedReclaim = 2, kSchedDeadlineOverrun = 4, kSchedKeepPolicy = 8,
                   kSchedKeepParams = 16, kSchedUtilMin = 32, kSchedUtilMax = 64;

inline SchedAttr sched_getattr(pid_t tid)
{
    SchedAttr out;
    check(call(SYS_sched_getattr, tid, &out, sizeof out, 0), "read the scheduling attributes");
    return out;
}

} // namespace cr::sys
