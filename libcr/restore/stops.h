// Stopped tasks whose parent has been told of it, by wait(2), before the dump.
//
// A stop that is made when the tree is let go is news to the parent: a SIGCHLD, and once more the answer of
// wait(2). So such tasks are stopped while all are still traced and have all signals blocked (a tracee that
// took part in a stop of its group and runs on for its tracer falls back into it when it is let go, without a
// word to anybody), and the parent is made to take note of it there.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/program/program.h"
#include "libcr/restore/images.h"
#include "libcr/restore/region_memory.h"
#include "libcr/restore/tracees.h"

#include <functional>

namespace cr::restore
{

// Whether the task at `index` is one that is stopped here.
bool stopped_early(const ImageSet &images, size_t index);

// `slot` is data of the programs, of kSlotForStops bytes; `syscall_in` tells where a system call instruction
// is in the task at an index.
inline constexpr size_t kSlotForStops = 24;
void stop_early(const ImageSet &images, Tracees &tracees, RegionMemory &memory, program::DataId slot,
                const std::function<CallPlace(size_t)> &syscall_in);

} // namespace cr::restore
