// The capture of a stopped tree by cr-freeze: each task's core image and its place in the tree, and a record
// about it for the other stages as soon as it is known.
#pragma once

#include "libcr/session/blockers.h"
#include "libcr/session/freeze.h"
#include "libcr/session/write_watches.h"

namespace cr::image
{
class Dir;
}

namespace cr::session
{

// Writes to `states` and to the stream `out`; takes `watches` on the way.
void capture_tree(inject::FrozenTree &tree, const FreezeRequest &request, const BlockersFound &found,
                  task::KernelSource &kernel, WriteWatches &watches, const image::Dir &states, int out);

} // namespace cr::session
