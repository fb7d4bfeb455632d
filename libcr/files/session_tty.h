// The terminal of a session, in the program of the session's leader: taken right after setsid(2), before any
// child is cloned that inherits it; the group in its foreground is set when that group exists.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/task/build.h"

namespace cr::files
{

// After setsid of `pid`, while build.opener() is open.
void arm_controlling_terminal(const Plan &plan, pid_t pid, task::Build &build);
// The group that shall be in the foreground of the terminal of `pid`'s session; 0: nothing is to be done.
pid_t foreground_group(const Plan &plan, pid_t pid);
// When that group exists, while build.opener() is open.
void arm_foreground(const Plan &plan, pid_t pid, task::Build &build);

} // namespace cr::files
