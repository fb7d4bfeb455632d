// What a tool was asked to do, as plain values: the end of the command line, of configuration files and of
// the environment. A tool's main gets a Parsed (grammar checked, refusals made), turns it into one of these
// structs, and hands parts of it to the library; nothing below the tools knows any of this.
//
// Paths are kept as given: images_dir and work_dir are relative to the directory of the caller, pidfile and
// log_file to work_dir.
#pragma once

#include "libcr/base/cpu_cap.h"
#include "libcr/base/log.h"
#include "libcr/base/loss.h"
#include "libcr/cli/parsed.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::cli
{

struct Common {
    std::string images_dir = ".";
    std::string work_dir = "."; // the image directory unless given
    std::string log_file;       // empty: stderr; "-": stdout
    int log_level = log::kWarning;
    bool json = false; // errors, and reports where there are any, as JSON
};

// --libdir, or what stands for it.
struct PluginOptions {
    std::string dir;   // empty: the usual one
    bool must = false; // it has to be there
    unsigned timeout_s = 600;
};

enum class After { Kill, Run, Stop };

// Only objects named by an inode, or any.
struct ExternalUnixSockets {
    bool allowed = false;
    std::vector<uint32_t> inodes; // empty: any
};

struct Cgroups {
    std::string mode = "soft";     // none, props, soft, full, strict, ignore
    bool asked = false;            // the mode was given
    std::vector<std::string> root; // [CTRL:]/PATH
    std::string yard;              // a directory; empty: none
    std::string properties;        // of --cgroup-props and the file of --cgroup-props-file
    std::vector<std::string> dump_controllers;
};

// What a dump may do and accept. cr-freeze puts it into the session for all stages.
struct DumpPolicy {
    bool shell_job = false;
    bool orphan_pts_master = false;
    unsigned timeout_s = 10; // 0: no limit
    bool file_locks = false;
    bool link_remap = false;
    uint64_t ghost_limit = 1 << 20; // bytes
    bool ghost_fiemap = true;
    bool evasive_devices = false;
    bool force_irmap = false;
    std::vector<std::string> irmap_scan_paths;
    ExternalUnixSockets ext_unix_sk;
    std::vector<std::string> unix_peers; // NAME=ACTION as given, checked
    std::vector<std::string> external; // TYPE[ID]:VALUE as given
    bool tcp_established = false;
    bool tcp_close = false;
    bool skip_in_flight = false;
    std::string network_lock = "nftables"; // iptables, nftables, skip
    Cgroups cgroups;
    std::string freeze_cgroup;             // a directory; empty: none
    std::string freeze = "copy";           // copy, snapshot, auto
    uint64_t max_memory = 0;               // bytes; 0: not given
    std::string prev_images_dir;           // relative to the image directory; empty: none
    bool track_mem = false;
    bool auto_dedup = false;
    bool share_pages = false;
    bool pre_dump = false;
    uint32_t allow_loss = 0;        // bits of loss.h
    uint32_t cpu_cap = kCpuDefault; // bits of cpu_cap.h
    PluginOptions plugins;
};

// cr dump, and cr-freeze with only the parts that it has options for.
struct DumpOptions : Common {
    pid_t tree = 0;
    After after = After::Kill;
    bool dry_run = false;
    DumpPolicy policy;
    std::vector<std::string> action_scripts;
    int notify_fd = -1;
    std::string pidfile;
    int status_fd = -1;
    bool display_stats = false;
};

// A stage: part of a pipeline, or alone when `tree` is given.
struct StageOptions : Common {
    pid_t tree = 0;
};

struct ThawOptions : Common {
    After after = After::Kill;
    std::vector<std::string> action_scripts;
    int notify_fd = -1;
    bool display_stats = false;
};

struct InheritFd {
    int fd;
    std::string key;
    bool debug_only = false; // debug[N]:TEXT, which only logs what descriptor N is
};

enum class FileValidation { BuildId, FileSize };

struct RestoreOptions : Common {
    bool detached = false;
    bool sibling = false;
    bool leave_stopped = false;
    bool shell_job = false;
    std::string stdio; // what stands for terminals of others: null, inherit, a file; empty: the caller's
    bool orphan_pts_master = false;
    bool dry_run = false;
    std::vector<std::string> exec_cmd; // empty: none
    bool skip_file_rwx_check = false;
    PluginOptions plugins;
    FileValidation file_validation = FileValidation::BuildId;
    ExternalUnixSockets ext_unix_sk;
    std::vector<std::string> external;
    std::vector<InheritFd> inherit_fds;
    std::vector<std::pair<std::string, std::string>> map_paths; // old and new, absolute
    bool file_locks = false;
    bool tcp_established = false;
    bool tcp_close = false;
    bool weak_sysctls = false;
    bool auto_dedup = false;
    uint32_t cpu_cap = kCpuDefault;
    Cgroups cgroups;
    std::string root; // empty: as dumped
    std::vector<std::string> action_scripts;
    int notify_fd = -1;
    std::string pidfile;
    int status_fd = -1;
    bool display_stats = false;
};

struct CheckOptions : Common {
    std::vector<std::string> features; // empty: everything of the chosen categories
    bool extra = false;
    bool experimental = false;
    bool descriptors = false; // instead of features
};

struct ServiceOptions : Common {
    std::string address = "criu_service.socket";
    bool detached = false;
    std::vector<std::string> action_scripts;
    std::string pidfile;
    int status_fd = -1;
};

struct CpuOptions : Common {
    uint32_t cpu_cap = kCpuDefault;
    bool record = false;
};

struct ShowOptions : Common {
    std::vector<std::string> args; // image files, or one of ps, fds, mems, rss; empty: the overview
};

// Each throws a usage error about values that make no sense.
Common common_options(const Parsed &parsed);
DumpOptions dump_options(const Parsed &parsed);
StageOptions stage_options(const Parsed &parsed);
ThawOptions thaw_options(const Parsed &parsed);
RestoreOptions restore_options(const Parsed &parsed);
CheckOptions check_options(const Parsed &parsed);
ServiceOptions service_options(const Parsed &parsed);
CpuOptions cpu_options(const Parsed &parsed);
ShowOptions show_options(const Parsed &parsed);

} // namespace cr::cli
