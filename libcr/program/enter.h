// Births straight into a program: clone3 whose child never returns to the code that called it, but jumps into
// a region. So the child may get any flags (a new address space or the caller's own, a stack or none) and
// nothing of the parent's C stack, thread-local storage or locks is touched by it.
#pragma once

#include "libcr/base/addr.h"

#include <cstddef>
#include <linux/sched.h>

namespace cr::program
{

struct Start {
    TargetAddr player;      // the region's base, as it is mapped in the child
    TargetAddr entry;       // the first operation
    TargetAddr fail_record; // or 0
    TargetAddr fail_entry;  // where a failing operation leads to
};

// The child's pid, or -errno.
long clone_into(const clone_args &args, const Start &start);

} // namespace cr::program
