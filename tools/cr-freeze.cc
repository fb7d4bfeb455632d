// cr-freeze: stops a process tree, keeps its task state, holds it and begins the session stream.
#include "cgroup_options.h"
#include "chain.h"
#include "libcr/base/log.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/session/freeze.h"

#include <unistd.h>

using namespace cr;

int cr_freeze_main(int argc, char **argv);
int cr_freeze_main(int argc, char **argv)
{
    return cli::run("cr-freeze", argc, argv, [](const cli::Parsed &parsed) {
        cli::DumpOptions options = cli::dump_options(parsed);
        if (options.dry_run && ::isatty(STDOUT_FILENO)) { // for people: by the one who tells them
            std::vector<std::string> thaw = {"cr-thaw", "--resume"};
            if (parsed.has("json"))
                thaw.push_back("--json");
            return tools::run_chain(parsed.arguments_for(cli::tool("cr-freeze")), {}, std::move(thaw));
        }
        session::FreezeRequest request;
        request.tree = options.tree;
        request.images_dir = options.images_dir;
        request.work_dir = options.work_dir;
        request.timeout = std::chrono::seconds(options.policy.timeout_s ? options.policy.timeout_s : 1000000);
        request.dry_run = options.dry_run;
        request.leave_running = options.after == cli::After::Run;
        request.mode = options.policy.freeze == "snapshot" ? session::FreezeMode::Snapshot
                       : options.policy.freeze == "auto"   ? session::FreezeMode::Auto
                                                           : session::FreezeMode::Copy;
        request.max_memory = options.policy.max_memory;
        request.prev_images_dir = options.policy.prev_images_dir;
        request.pre_dump = options.policy.pre_dump;
        request.track_mem = options.policy.track_mem || request.pre_dump;
        request.auto_dedup = options.policy.auto_dedup;
        request.share_pages = options.policy.share_pages;
        request.leave_running |= request.pre_dump;
        request.shell_job = options.policy.shell_job;
        request.orphan_pts_master = options.policy.orphan_pts_master;
        request.file_locks = options.policy.file_locks;
        request.link_remap = options.policy.link_remap;
        request.evasive_devices = options.policy.evasive_devices;
        request.ghost_limit = options.policy.ghost_limit;
        request.external = options.policy.external;
        request.tcp_established = options.policy.tcp_established;
        request.tcp_close = options.policy.tcp_close;
        request.skip_in_flight = options.policy.skip_in_flight;
        request.lock_network = options.policy.network_lock != "skip";
        request.ext_unix_sk = options.policy.ext_unix_sk.allowed;
        request.ext_unix_sk_inodes = options.policy.ext_unix_sk.inodes;
        request.unix_peers = options.policy.unix_peers;
        request.force_irmap = options.policy.force_irmap;
        request.irmap_scan_paths = options.policy.irmap_scan_paths;
        request.allow_loss = options.policy.allow_loss;
        const cli::PluginOptions &plugins = options.policy.plugins;
        request.plugins = {plugins.dir, plugins.must, std::chrono::seconds(plugins.timeout_s)};
        request.cpu_cap = options.policy.cpu_cap;
        request.cgroups = tools::cgroup_options(options.policy.cgroups);
        request.freeze_cgroup = options.policy.freeze_cgroup;
        request.log_level = options.log_level;
        request.log_file = options.log_file;
        switch (session::freeze(request, 1)) {
        case session::Ended::Well:
            return cli::kOk;
        case session::Ended::Refused:
            return cli::kRefused;
        case session::Ended::Failed:
            break;
        }
        return cli::kFailed;
    });
}
