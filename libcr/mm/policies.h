// The NUMA policies of areas, mbind(2), out of /proc/PID/numa_maps.
//
// That file shows the policy of the task where an area has none, so an area whose policy is that of its task
// counts as one without. Reading it walks over all pages, which takes as long as reading smaps; on a machine
// with one node, where a policy changes nothing but what get_mempolicy(2) says, it is not read for large
// tasks.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/proc/pid_dir.h"
#include "mm.pb.h"

#include <map>
#include <optional>
#include <string_view>

namespace cr::mm
{

using Policies = std::map<uint64_t, img::cr_numa_policy_entry>; // by where the area begins

// "7f0000000000 bind=static:0-1,3 anon=1 ...": nothing for "default" or what is not understood.
std::optional<std::pair<uint64_t, img::cr_numa_policy_entry>> parse_policy(std::string_view line);

// Of areas that have another one than `own`, that of the task.
Policies read_policies(const proc::PidDir &task, const img::cr_numa_policy_entry &own);

} // namespace cr::mm
