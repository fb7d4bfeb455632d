// Gathers the facts of stopped tasks: from its /proc files, by ptrace, and by calls made inside it.
#pragma once

#include "libcr/inject/freeze.h"
#include "libcr/task/facts.h"

#include <span>
#include <vector>

namespace cr::task
{

// Runs calls in the tasks, side by side, once for each process and once for each thread; afterwards they are
// as they were, merely stopped. The facts in the order of the tasks.
std::vector<TaskFacts> gather(std::span<inject::FrozenTask *const> tasks, const inject::Waiter &waiter);

} // namespace cr::task
