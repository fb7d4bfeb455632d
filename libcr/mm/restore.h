// A task's memory as operations of its program (see plan.h for the order of the parts).
//
// The program runs from the region, which lies outside of every task's areas, so everything else may be
// unmapped and made anew from within. Where an area must be writable to be filled, it is mapped so and gets
// its own protection afterwards; only then do advice and locks follow, which would otherwise apply to
// half-made areas.
//
// Not this file's: the coordinator unregisters rseq before (its memory goes away here), sets the personality
// after (READ_IMPLIES_EXEC changes what mmap does), and leaves privileges to mlock alone until finish().
#pragma once

#include "libcr/mm/plan.h"
#include "libcr/task/build.h"

#include <functional>

namespace cr::mm
{

// Numbers of descriptors in the opener.
struct Sources {
    std::function<int(uint32_t)> file;         // by file id: mapped files and executables
    std::function<int(uint64_t)> shared;       // by shmid: see shared.h
    std::function<uint64_t(uint64_t)> segment; // the size of a System V segment, by id
    int images = -1;                           // the image directory
};

// What is the same for all tasks of a restore.
struct Frame {
    Range region;     // the programs; free in every task
    TargetAddr spare; // room for the vDSO's areas next to it, free as well
};

// The first operations of a task that was cloned from a process that is no task of the tree (ourselves, a
// helper of ours): unmaps everything but the region and the vDSO, which lies at `vdso` in that process, and
// moves that.
void begin_first(task::Build &build, const TaskPlan &plan, const Frame &frame, const VdsoPlace &vdso,
                 const Sources &sources);
// The same for a task cloned from another one, or from a helper that was and changed nothing since.
void begin_from_cloner(task::Build &build, const TaskPlan &plan, const TaskPlan &cloner, const Frame &frame,
                       const Sources &sources);

// Maps the early part, and fills it unless plan.early.outside.
void map_early(task::Build &build, const TaskPlan &plan, const Sources &sources);
// After the fill. Children may be cloned then.
void protect_early(task::Build &build, const TaskPlan &plan);
// The same for the rest.
void map_late(task::Build &build, const TaskPlan &plan, const Sources &sources);
void finish(task::Build &build, const TaskPlan &plan);

// Keeps a place that must be free for what is made elsewhere and then moved there: the kernel would give out the
// place itself otherwise, and no memory can be moved onto a part of itself.
void reserve(task::Build &build, TargetAddr at, uint64_t size, const std::string &name);

} // namespace cr::mm
