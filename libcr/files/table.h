// The part of a task's program that builds its descriptor table and goes to its directories.
//
// The task takes copies from the opener: pidfd_getfd gives the lowest free number, close-on-exec. Taken in
// ascending order, most come out at the number they shall have; runs of neighbours are one repeated
// operation. For a gap, either the copy is moved (dup3), or, before a long run, the gap is stuffed and closed
// again at the end.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/task/build.h"

namespace cr::files
{

// Wants a table that is empty but for build.opener(); leaves the table of `pid` and, above all of its
// numbers, the opener's pidfd, whose new number is returned; the caller closes it. Soft and hard limit of
// open files must allow for one more descriptor than the task has.
program::OpId arm_table(const Plan &plan, pid_t pid, task::Build &build);

// Root and working directory, umask. Before the table or after, while build.opener() is open.
// `begins_elsewhere`: the root directory may not be ours before.
void arm_fs(const Plan &plan, pid_t pid, task::Build &build, bool begins_elsewhere = false);

} // namespace cr::files
