// Pages of a task that must never be write-protected by userfaultfd, since the kernel writes to them where it
// cannot wait for us, and would give up instead (fs/userfaultfd.c, kernel/futex/): the word that an ending
// thread clears (its joiner would wait forever), robust futexes that it holds, and futexes that a thread is
// about to change in a system call (FUTEX_LOCK_PI and others would fail with EFAULT).
#pragma once

#include "libcr/inject/freeze.h"
#include "libcr/task/facts.h"

#include <vector>

namespace cr::task
{

// Addresses of pages, sorted, each once.
std::vector<uint64_t> kernel_written_pages(const TaskFacts &facts, const inject::FrozenTask &task);

} // namespace cr::task
