// The stage cr-dump-files: descriptors, working and root directories of the tree, and the files that other
// stages claim.
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

void dump_files(Stage &stage);

} // namespace cr::session
