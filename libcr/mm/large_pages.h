// Transparent huge pages on a restore: what was on large pages comes back on such, and nothing else does.
//
// The kernel puts memory that is touched for the first time on large pages by a setting of the machine
// (/sys/kernel/mm/transparent_hugepage/enabled) and the area's advice, and areas that began side by side look
// like one to it while they are filled. Advice cannot be taken back without leaving a mark on the area, so
// it is not what is used here: while there is anything to be filled that was on small pages and could get a
// large one, the process has large pages switched off (PR_SET_THP_DISABLE), and what was on large ones gets
// them before. Where the first touch gives none, small pages are made large after the fill (MADV_COLLAPSE of
// Linux 6.1).
#pragma once

#include "libcr/mm/plan.h"
#include "libcr/task/build.h"

namespace cr::mm
{

// Of this machine. Advised where that cannot be read: the kernel's calls then say the rest.
LargePages large_pages();

// Before areas with this `early` are mapped, before they are filled, and when that is done.
void before_map(task::Build &build, const TaskPlan &plan, bool early);
void before_fill(task::Build &build, const TaskPlan &plan, bool early);
void after_fill(task::Build &build, const TaskPlan &plan, bool early);

} // namespace cr::mm
