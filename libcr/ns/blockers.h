// Tasks that live in namespaces of their own stand in the way of a dump: these are not supported yet.
// Compared are the links of /proc/PID/ns with ours, those for future children among them.
#pragma once

#include "libcr/base/blocker.h"

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace cr::ns
{

// The namespaces of one process: "net" and "net:[4026531840]".
using Links = std::vector<std::pair<std::string, std::string>>;

Links links_of(pid_t pid);
// Appends a Blocker for each namespace of `pid` that is not the one in `own` (links_of(getpid())).
// Thread-safe.
void blockers(pid_t pid, const Links &own, std::vector<Blocker> &out);

} // namespace cr::ns
