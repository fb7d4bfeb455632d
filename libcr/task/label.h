// Security labels (SELinux, AppArmor, Smack): a task has the one of who started it, or of a policy. A
// restored task would have that of cr-restore, so one that differs from ours is not taken for a task like any
// other.
#pragma once

#include "libcr/base/blocker.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace cr::task
{

// "unconfined", "/usr/bin/man (enforce)", "system_u:system_r:init_t:s0"; empty where no module keeps labels.
std::string label_of(pid_t pid);
std::optional<Blocker> label_blocker(pid_t pid, const std::string &own, const std::string &label);

} // namespace cr::task
