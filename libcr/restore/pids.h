// Process ids that a restore needs: all of them must be free, in every role that keeps one taken.
#pragma once

#include "libcr/restore/births.h"

namespace cr::restore
{

// Throws Refused naming who has which of the wanted ids: as a process, a thread, or (a leader long gone) as the id of
// a session or process group that still has members.
void check_pids_free(const ImageSet &images, const BirthPlan &births);

// Makes sure that this very process has none of the wanted ids: forks until a copy of it has a free one. The original
// then waits for the copy and ends as it ends; only the copy returns.
void move_out_of_the_way(const ImageSet &images, const BirthPlan &births);

} // namespace cr::restore
