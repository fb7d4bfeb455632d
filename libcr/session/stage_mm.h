// The stage cr-dump-mm: mappings and page contents of the tree.
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

void dump_mm(Stage &stage);

} // namespace cr::session
