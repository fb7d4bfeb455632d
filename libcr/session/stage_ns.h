// The stage cr-dump-ns. Namespaces are not supported yet: it makes sure that the tree has none of its own.
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

void dump_ns(Stage &stage);

} // namespace cr::session
