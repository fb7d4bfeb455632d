// Process ids that a restore needs: all of them must be free, in every role that keeps one taken.
#pragma once

#include "libcr/restore/images.h"
#include "libcr/task/births.h"

#include <set>
#include <sys/types.h>

namespace cr::restore
{

// Of processes and threads, and of helpers that must have a certain one.
std::set<pid_t> wanted_ids(const ImageSet &images, const task::BirthPlan &births);

// Throws Refused naming who has which of the wanted ids: as a process, a thread, or (a leader long gone) as
// the id of a session or process group that still has members. Our own process counts: it cannot change its
// id, and has to live until the end to tell how it went.
void check_pids_free(const ImageSet &images, const task::BirthPlan &births);

// Gives each helper that may have any id one that is free and that the tree does not need.
void choose_ids(const ImageSet &images, task::BirthPlan &births);

} // namespace cr::restore
