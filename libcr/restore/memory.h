// The memory of all tasks of a restore: plans, what they inherit from each other, where the programs' region
// lies, and the parts that are filled from outside.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/mm/restore.h"
#include "libcr/mm/shared.h"
#include "libcr/restore/births.h"

#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace cr::restore
{

struct MemoryPlan {
    std::vector<std::unique_ptr<mm::TaskPlan>> tasks; // of ImageSet::tasks; none for zombies
    std::vector<mm::SharedPlan> shared;               // objects that the opener makes
    int first_shared = 0; // the opener's number of the first of them; descriptions come behind
    mm::VdsoPlace vdso;   // where ours lies, in which the root is born
    mm::Frame frame;

    // The task whose memory `birth` begins with; null: our own.
    const mm::TaskPlan *cloner_of(const BirthPlan &births, size_t birth) const;
    // Parts to be filled from outside, by pid, in the order in which the tasks stop for them.
    std::map<pid_t, std::deque<const mm::TaskPlan::Part *>> outside(const ImageSet &images) const;
};

// All but the frame. Throws when an address space makes no sense or does not fit this kernel.
MemoryPlan plan_memory(const ImageSet &images, const BirthPlan &births, const files::Plan &files);
// Gives `memory` a frame whose region has `size` bytes, free in all tasks and here.
void place_region(MemoryPlan &memory, const ImageSet &images, uint64_t size);

// The address of a system-call instruction in the task's vDSO.
TargetAddr syscall_instruction(const TaskImage &task, const mm::VdsoPlace &ours);

} // namespace cr::restore
