// Filling a restored task's memory from outside, with two threads, while the task waits at a barrier of its
// program: for what is too much for the program's own preadv (1 GiB: 0.6 s by one preadv, 0.26 s this way).
#pragma once

#include "libcr/mm/plan.h"

#include <sys/types.h>

namespace cr::mm
{

// Copies `part` of `plan` into the process `pid` (as this machine sees it).
void fill(pid_t pid, const TaskPlan &plan, const TaskPlan::Part &part);

} // namespace cr::mm
