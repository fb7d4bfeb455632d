// Filters of system calls: reading those of a stopped tracee, and what one says of a call, worked out here
// (linux/filter.h, Documentation/userspace-api/seccomp_filter.rst).
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>
#include <vector>

namespace cr::sys
{

struct SeccompFilter {
    std::vector<sock_filter> code;
    uint32_t flags = 0; // SECCOMP_FILTER_FLAG_LOG, the only one that the kernel tells
};

// Of a stopped tracee, the oldest first. Needs CAP_SYS_ADMIN, and no filters on ourselves.
std::vector<SeccompFilter> seccomp_filters(pid_t tid);

// What the filter returns (SECCOMP_RET_*); SECCOMP_RET_KILL_PROCESS for one that makes no sense.
uint32_t evaluate(const std::vector<sock_filter> &code, const seccomp_data &call);

} // namespace cr::sys
