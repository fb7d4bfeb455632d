// The file systems of control groups, one hierarchy each (cgroups(7)). They are reached by mounts of our own
// that nobody else sees (fsopen(2)); without the privilege for that, where they are mounted already.
#pragma once

#include "libcr/base/fd.h"

#include <optional>
#include <string>

namespace cr::sys
{

// The root directory of a hierarchy: "cpu,cpuacct", "name=systemd", or "" for version 2. With a `yard`, a
// directory that has a mounted hierarchy for each of its names, only that is looked at. Throws when it cannot
// be reached.
Fd open_cgroup_hierarchy(const std::string &controllers, const std::string &yard);

// A control file in an open directory: its contents without the last newline, nothing when there is no such
// file. Throws when it cannot be read, but for one that this kernel has no support for.
std::optional<std::string> read_cgroup_file(int dir, const std::string &name);
// One write(2), 0 or -errno.
long write_cgroup_file(int dir, const std::string &name, const std::string &value);

} // namespace cr::sys
