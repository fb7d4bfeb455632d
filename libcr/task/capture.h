// Gathers the facts of stopped tasks: from its /proc files, by ptrace, and by calls made inside it.
#pragma once

#include "libcr/inject/freeze.h"
#include "libcr/task/facts.h"
#include "libcr/task/kernel_facts.h"
#include "libcr/task/seccomp.h"

#include <span>
#include <vector>

namespace cr::task
{

// What gathering needs and keeps from one batch of tasks to the next.
struct Sources {
    const inject::Waiter &waiter;
    KernelSource &kernel;
    SeccompFilters &filters;
};

// Runs calls in the tasks, side by side, once for each process and once for each thread; afterwards they are
// as they were, merely stopped. Nothing is run in those under seccomp: the kernel is read instead. The facts
// in the order of the tasks.
std::vector<TaskFacts> gather(std::span<inject::FrozenTask *const> tasks, const Sources &sources);

} // namespace cr::task
