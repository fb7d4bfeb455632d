// The first stage of a dump, and the only tool that touches tasks: stops the tree, looks for everything that
// stands in the way, captures what needs the tracer, and holds the tree for the other stages.
#pragma once

#include "libcr/ns/cgroup_options.h"
#include "libcr/plugin/plugins.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::session
{

// How long a tree that runs on afterwards stands still (--freeze).
enum class FreezeMode : uint32_t {
    Copy,     // until its memory is copied
    Snapshot, // until it is write-protected, where it can be
    Auto,     // the latter for address spaces that are worth it
};

// What became of it, for the exit code: refused is what was declined before the tree was touched.
enum class Ended { Well, Failed, Refused };

struct FreezeRequest {
    pid_t tree = 0;
    std::string images_dir, work_dir;
    std::chrono::milliseconds timeout{10000};
    bool dry_run = false;
    bool leave_running = false; // stages may copy now and write after the tree was let go
    FreezeMode mode = FreezeMode::Copy;
    uint64_t max_memory = 0;     // for the copy; 0: half of what the machine has left
    std::string prev_images_dir; // empty: none
    bool track_mem = false, auto_dedup = false;
    bool pre_dump = false; // memory only
    bool share_pages = false;
    bool shell_job = false;
    bool orphan_pts_master = false;
    bool file_locks = false, link_remap = false, evasive_devices = false;
    uint64_t ghost_limit = 1 << 20;
    std::vector<std::string> external;
    bool force_irmap = false;
    bool ext_unix_sk = false;
    std::vector<uint32_t> ext_unix_sk_inodes;
    std::vector<std::string> unix_peers; // NAME=ACTION
    bool tcp_established = false, tcp_close = false, skip_in_flight = false;
    bool lock_network = true; // while TCP connections to the outside are read
    std::vector<std::string> irmap_scan_paths;
    uint32_t allow_loss = 0; // bits of libcr/base/loss.h
    uint32_t cpu_cap = 0;    // bits of libcr/base/cpu_cap.h
    ns::CgroupOptions cgroups;
    std::string freeze_cgroup; // empty: none
    plugin::Settings plugins;
    int log_level = 2;
    std::string log_file;
};

// Writes the session stream to `out`. Well: cr-thaw had the tree let go. What goes
// wrong is told to cr-thaw by the stream; only what goes wrong before the session began is thrown.
Ended freeze(const FreezeRequest &request, int out);

} // namespace cr::session
