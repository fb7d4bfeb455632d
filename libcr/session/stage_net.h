// The stage cr-dump-net: locks the network for the TCP connections that lead out of the tree (net/lock.h).
#pragma once

#include "libcr/session/stage.h"

namespace cr::session
{

void dump_net(Stage &stage);

} // namespace cr::session
