// The memory of all tasks of a restore: plans, what they inherit from each other, where the programs' region
// lies, and the parts that are filled from outside.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/mm/restore.h"
#include "libcr/mm/shared.h"
#include "libcr/mm/sysv.h"
#include "libcr/restore/images.h"
#include "libcr/restore/tracees.h"
#include "libcr/task/births.h"

#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace cr::restore
{

struct MemoryPlan {
    // Of ImageSet::tasks; none for zombies and those who have their memory from another.
    std::vector<std::unique_ptr<mm::TaskPlan>> tasks;
    std::vector<mm::SharedPlan> shared;              // objects that the opener makes
    std::map<uint32_t, img::ipc_shm_entry> segments; // of System V, by id
    int first_shared = 0; // the opener's number of the first of them; descriptions come behind
    mm::Vdsos vdsos;      // ours is the one with which the root is born
    mm::Frame frame;

    // The task whose memory `birth` begins with; null: our own.
    const mm::TaskPlan *cloner_of(const ImageSet &images, const task::BirthPlan &births, size_t birth) const;
    // Of a task that is not dead; it may be that of another one.
    mm::TaskPlan &plan_of(const ImageSet &images, size_t task) const
    {
        return *tasks[images.owner_of(task, task::Shared::Vm)];
    }
    // Parts to be filled from outside, by the pid of who makes the memory, in the order in which the tasks
    // stop for them.
    std::map<pid_t, std::deque<const mm::TaskPlan::Part *>> outside(const ImageSet &images,
                                                                    const task::BirthPlan &births) const;
};

// All but the frame. Throws when an address space makes no sense or does not fit this kernel.
MemoryPlan plan_memory(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files);
// Gives `memory` a frame whose region has `size` bytes, free in all tasks and here.
void place_region(MemoryPlan &memory, const ImageSet &images, uint64_t size);

// The address of a system-call instruction in the task's vDSO.
CallPlace syscall_instruction(const ImageSet &images, size_t task, const MemoryPlan &memory);

// Leads the functions of vDSOs that tasks ran with to this kernel's. While all stand, their memory in place.
void write_jumps(const ImageSet &images, const MemoryPlan &memory);

} // namespace cr::restore
