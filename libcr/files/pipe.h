// Whether both ends of a pipe are in the tree. Somebody outside can be seen only indirectly: the tree has
// ends of one sort only, and poll(2) on one of them does not report that the other sort is gone.
#pragma once

#include "libcr/files/facts.h"
#include "libcr/files/kind.h"

namespace cr::files
{

// The ends of one pipe that the tree has.
struct PipeEnds {
    unsigned modes = 0; // bit n: a description with access mode n
    Facts first;

    void add(const Facts &facts);
};

// Whether somebody outside has the other one, and nothing was said of it (--external). `pidfd` is of the process
// that has ends.first.
bool other_end_outside(const PipeEnds &ends, int pidfd, const DumpOptions &options);

} // namespace cr::files
