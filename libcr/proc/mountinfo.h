// The text of /proc/PID/mountinfo (proc_pid_mountinfo(5)) to values.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::proc
{

struct Mount {
    int id = 0, parent = 0;
    dev_t dev = 0;
    std::string root, point; // the part of the file system that is seen, and where
    std::string type;        // "ext4", "devpts"
};

// In the kernel's order: of mounts at one place the last one is seen. Lines that cannot be understood are left
// out.
std::vector<Mount> parse_mountinfo(std::string_view text);
// Those of a process's mount namespace, relative to its root; "self" is a pid too. Throws.
std::vector<Mount> mounts_of(std::string_view pid);

} // namespace cr::proc
