// From images to programs: one for every process and thread to be, in one region. Pure but for the numbers it
// is given (the opener's pid, the place of our own vDSO); nothing is made here.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/program/program.h"
#include "libcr/restore/images.h"
#include "libcr/restore/memory.h"
#include "libcr/task/births.h"
#include "libcr/task/kind.h"

#include <map>
#include <memory>
#include <vector>

namespace cr::restore
{

// What programs need to know of the process that starts them.
struct Surroundings {
    pid_t opener = 0;
    int images = -1;                     // the image directory, in the opener
    int gate_read = -1, gate_write = -1; // ends of the pipe that holds the root until it is traced
};

struct Programs {
    program::Region region;
    program::ProgramId root, failure;
    program::WordId ready; // counts threads that have done their work
    uint32_t ready_target = 0;
    // Threads that are to be under seccomp, {tid, tgid}: they count themselves, and go on when its being
    // suspended has been told.
    std::vector<std::pair<pid_t, pid_t>> filtered;
    // With files that can be opened only when all processes are born: how many are, and that they are open.
    program::WordId born, late_there;
    uint32_t born_target = 0;
    program::WordId at_filters, filters_suspended;
    uint32_t filtered_target = 0;
    program::DataId stops_slot;                  // for stop_early()
    std::map<pid_t, program::DataId> call_slots; // of threads with time left of a call: a timespec for it
    std::map<pid_t, program::ProgramId> by_pid;  // leaders, threads, helpers
};

// Adds all programs to `out.region`.
void build_programs(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files,
                    const MemoryPlan &memory, const task::Host &host, const Surroundings &surroundings,
                    Programs &out);

} // namespace cr::restore
