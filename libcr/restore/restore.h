// Bringing a process tree back from its images: read and check everything, plan, then execute.
#pragma once

#include "libcr/base/error.h"
#include "libcr/feature/features.h"
#include "libcr/files/opener.h"
#include "libcr/ns/cgroup_options.h"
#include "libcr/plugin/plugins.h"
#include "stats.pb.h"

#include <functional>
#include <string>
#include <sys/types.h>

namespace cr::restore
{

struct RestoreRequest {
    std::string images_dir;
    bool sibling = false;       // the root becomes a child of our parent
    bool detached = false;      // else it is one of ours, and we end at once
    bool leave_stopped = false; // tasks stop before they run any code
    bool shell_job = false;     // session, group and terminal are those of the caller
    uint32_t cpu_cap = 0;       // bits of libcr/base/cpu_cap.h
    files::RestoreOptions files;
    ns::CgroupOptions cgroups;
    plugin::Settings plugins;
    feature::Features features; // of this kernel, or of one that a test made up
    // Run at CRIU's named points with the root's pid (0 before it exists): "pre-restore", "post-restore", ...
    // What it throws before the tasks are released undoes the restore.
    std::function<void(const char *point, pid_t root)> hook;
    // Takes the new master of a terminal (files.orphan_pts_master); borrowed.
    std::function<void(int master)> give_master;
};

struct RestoreResult {
    pid_t root = 0;
    img::restore_stats_entry statistics;
};

// Throws when anything cannot be made; nothing is left behind then.
RestoreResult restore(const RestoreRequest &request);

// What would be done, as text: the tasks, the files in order, every program as strace-like lines. Makes
// nothing. `problems` gets what is missing or has changed of the files that it needs.
std::string describe(const RestoreRequest &request, std::vector<Error> *problems = nullptr);

} // namespace cr::restore
