// Sockets of a stopped task, which stand in the way of a dump: they are not supported yet.
#pragma once

#include "libcr/base/blocker.h"

#include <sys/types.h>
#include <vector>

namespace cr::net
{

// Appends a Blocker for each descriptor of `pid` that is a socket.
void blockers(pid_t pid, std::vector<Blocker> &out);

} // namespace cr::net
