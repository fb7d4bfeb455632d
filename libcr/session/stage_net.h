// The stage cr-dump-net. Sockets are not supported yet: it makes sure that the tree has none.
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

void dump_net(Stage &stage);

} // namespace cr::session
