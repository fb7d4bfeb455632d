// The local descriptor table of a process, which belongs to its address space: modify_ldt(2).
#pragma once

#include "libcr/task/build.h"
#include "mm.pb.h"

namespace cr::mm
{

void check_ldt(const img::mm_entry &mm);
void arm_ldt(task::Build &build, const img::mm_entry &mm);

} // namespace cr::mm
