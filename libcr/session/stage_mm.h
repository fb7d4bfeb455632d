// The stage cr-dump-mm: mappings and page contents of the tree.
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

int run_dump_mm(int in, int out); // as run_stage

} // namespace cr::session
