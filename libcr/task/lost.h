// State of a task that no image says anything about yet, so that a restored task has its restorer's instead.
// It is no reason to refuse a dump, but never lost silently: what differs from ours is told.
#pragma once

#include "libcr/proc/pid_dir.h"

#include <string>
#include <vector>

namespace cr::task
{

// One value of everything that is not kept, in a fixed order; made once for ourselves and once for each task.
std::vector<std::string> unkept_state(const proc::PidDir &task);
// Logs a warning for each that differs.
void report_lost(pid_t pid, const std::vector<std::string> &theirs, const std::vector<std::string> &ours);

} // namespace cr::task
