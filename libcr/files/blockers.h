// Everything about the open files of a stopped task that stands in the way of a dump, found by looking only.
// Runs for the whole tree before any code does in a task; a dry run is this and nothing else, so that what a
// dry run accepts, a dump does not refuse later.
#pragma once

#include "libcr/files/kind.h"

namespace cr::files
{

// Appends to `out`. Descriptors, working and root directory of one process. Thread-safe for different `out`.
void blockers(pid_t pid, const DumpOptions &options, std::vector<Blocker> &out);

} // namespace cr::files
