// The last step of a restore, from outside: the programs have done their work and all threads stand. Each
// process unmaps the programs, and every thread gets its registers and its signal mask.
#pragma once

#include "libcr/restore/plan.h"
#include "libcr/restore/region_memory.h"
#include "libcr/restore/tracees.h"

namespace cr::restore
{

// All threads are stopped by `tracees`, and still are afterwards.
void take_last_step(const Plan &plan, Tracees &tracees, RegionMemory &memory, const Programs &programs);

} // namespace cr::restore
