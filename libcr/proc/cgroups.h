// /proc/PID/cgroup: where a task or thread is in every hierarchy of control groups, one line each.
//
//   4:cpu,cpuacct:/a/b     controllers of a hierarchy of version 1, as they were mounted together
//   1:name=systemd:/       one without controllers
//   0::/user.slice         the hierarchy of version 2
//
// The path begins at the root of the reader's cgroup namespace ("/.." when it is outside of that). Source:
// cgroups(7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cr::proc
{

struct Cgroup {
    std::string controllers; // empty: version 2
    std::string path;
};

// Sorted by controllers. Throws Error when the text is malformed.
std::vector<Cgroup> parse_cgroups(std::string_view text);

} // namespace cr::proc
