#include "libcr/session/stage_files.h"

#include "libcr/files/tree.h"
#include "libcr/plugin/plugins.h"
#include "libcr/session/link.h"
#include "libcr/sys/descriptor.h"

#include <chrono>
#include <optional>

namespace cr::session
{

// Descriptors are read as the tasks become known, claims as they come; what needs all of them follows.
void dump_files(Stage &stage)
{
    auto begin = std::chrono::steady_clock::now();
    stage.claims_end();
    files::DumpOptions options;
    options.shell_job = stage.hello().shell_job();
    options.orphan_pts_master = stage.hello().orphan_pts_master();
    options.build_id = !stage.hello().skip_build_id();
    options.external.assign(stage.hello().external().begin(), stage.hello().external().end());
    options.file_locks = stage.hello().file_locks();
    options.tcp_established = stage.hello().tcp_established();
    options.tcp_close = stage.hello().tcp_close();
    options.skip_in_flight = stage.hello().skip_in_flight();
    options.ext_unix_sk = stage.hello().ext_unix_sk();
    options.ext_unix_sk_inodes.assign(stage.hello().ext_unix_sk_inode().begin(),
                                      stage.hello().ext_unix_sk_inode().end());
    options.unix_peers.assign(stage.hello().unix_peer().begin(), stage.hello().unix_peer().end());
    options.link_remap = stage.hello().link_remap();
    options.evasive_devices = stage.hello().evasive_devices();
    options.ghost_limit = stage.hello().ghost_limit();
    options.force_irmap = stage.hello().force_irmap();
    options.irmap_scan_paths.assign(stage.hello().irmap_scan_path().begin(),
                                    stage.hello().irmap_scan_path().end());
    std::optional<plugin::Plugins> plugins;
    if (stage.hello().has_plugins()) {
        const img::session_plugins &theirs = stage.hello().plugins();
        plugins.emplace(HolderLink(stage.hello()).take(theirs.fd()), theirs.hooks(),
                        std::chrono::seconds(theirs.longest_s()));
        options.plugins = &*plugins;
    }
    sys::raise_descriptor_limit(); // a pidfd for each task
    files::Tree tree(options, stage.images());
    uint32_t root = 0;
    while (auto task = stage.next_task()) {
        root = root ? root : task->pid();
        tree.add_process(static_cast<pid_t>(task->pid()));
        if (!task->zombie()) {
            tree.add(reader_of(*task), static_cast<pid_t>(task->vpid()), task->files_id());
            for (const img::session_thread_tables &tables : task->apart())
                tree.add(static_cast<pid_t>(tables.tid()), static_cast<pid_t>(tables.vtid()),
                         tables.files_id());
            for (uint32_t tid : task->threads())
                tree.add_thread(static_cast<pid_t>(tid));
        }
    }
    while (auto claim = stage.next_claim())
        tree.claim(claim->id(), static_cast<pid_t>(claim->pid()), claim->via(), claim->link(),
                   claim->flags());
    tree.capture();
    img::session_stage_done done;
    done.set_stage("cr-dump-files");
    if (plugins) { // they end when the tree is let go
        plugins->run(plugin::Hook::DumpDevicesLate, static_cast<int>(root));
        for (std::string &name : plugins->added())
            done.add_plugins(std::move(name));
    }
    if (stage.hello().leave_running() && stage.hello().has_lock_fd())
        stage.sockets_read();
    auto end = std::chrono::steady_clock::now();
    stage.released();
    tree.write();

    done.set_frozen_us(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(end - begin).count()));
    stage.done(done);
}

} // namespace cr::session
