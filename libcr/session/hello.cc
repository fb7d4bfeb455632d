#include "libcr/session/hello.h"

#include "libcr/base/clock.h"
#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/ns/cgroup_dump.h"
#include "libcr/image/namespace_ids.h"
#include "libcr/session/resident.h"
#include "libcr/session/wire.h"
#include "libcr/sys/gate.h"
#include "libcr/task/sharing.h"

#include <climits>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace cr::session
{

namespace
{

std::string absolute(const std::string &path)
{
    char buffer[PATH_MAX];
    if (!::realpath(path.c_str(), buffer))
        failed("find " + path);
    return buffer;
}

std::string small_file(const char *path)
{
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0),
                                      [&] { return cat("open ", path); })));
    char buffer[128];
    long n =
        sys::check(sys::call(SYS_read, fd.get(), buffer, sizeof buffer), [&] { return cat("read ", path); });
    return std::string(trim(std::string_view(buffer, static_cast<size_t>(n))));
}

// Clock ticks since boot: pids of tasks younger than a dump were not in it.
uint64_t uptime_ticks()
{
    timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return static_cast<uint64_t>(ts.tv_sec) * static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
}

void begin_inventory(img::session_hello &hello)
{
    img::inventory_entry &inventory = *hello.mutable_inventory();
    inventory.set_img_version(2);
    inventory.set_fdinfo_per_id(true);
    inventory.set_ns_per_id(true);
    inventory.set_lsmtype(img::NO_LSM);
    inventory.set_dump_uptime(uptime_ticks());
    inventory.set_dump_criu_run_id(hello.run_id());
    inventory.set_root_cg_set(ns::CgroupSets::kOwn);
    img::task_kobj_ids_entry &ids = *inventory.mutable_root_ids();
    ids.set_vm_id(task::kDumperId);
    ids.set_files_id(task::kDumperId);
    ids.set_fs_id(task::kDumperId);
    ids.set_sighand_id(task::kDumperId);
    image::put_namespace_ids(ids);
}

} // namespace

img::session_hello make_hello(const FreezeRequest &request, int session_fd)
{
    img::session_hello hello;
    hello.set_version(kStreamVersion);
    hello.set_images_dir(request.dry_run ? std::string() : absolute(request.images_dir));
    hello.set_work_dir(absolute(request.dry_run ? "." : request.work_dir));
    hello.set_holder_pid(static_cast<uint32_t>(::getpid()));
    hello.set_session_fd(session_fd);
    hello.set_run_id(small_file("/proc/sys/kernel/random/uuid"));
    hello.set_start_ns(log::config().start_ns ? log::config().start_ns : monotonic_ns());
    hello.set_dry_run(request.dry_run);
    hello.set_shell_job(request.shell_job);
    hello.set_orphan_pts_master(request.orphan_pts_master);
    hello.set_ghost_limit(request.ghost_limit);
    hello.set_link_remap(request.link_remap);
    hello.set_file_locks(request.file_locks);
    hello.set_evasive_devices(request.evasive_devices);
    hello.set_leave_running(request.leave_running);
    hello.set_freeze_mode(static_cast<uint32_t>(request.mode));
    if (request.max_memory)
        hello.set_max_memory(request.max_memory);
    if (request.leave_running && request.mode == FreezeMode::Copy)
        hello.set_expected_bytes(memory_of_tree(request.tree));
    if (!request.prev_images_dir.empty())
        hello.set_prev_images_dir(request.prev_images_dir);
    hello.set_track_mem(request.track_mem);
    hello.set_auto_dedup(request.auto_dedup);
    hello.set_pre_dump(request.pre_dump);
    hello.set_share_pages(request.share_pages);
    hello.set_log_file(request.log_file);
    hello.set_log_level(static_cast<uint32_t>(request.log_level));
    for (const std::string &external : request.external)
        hello.add_external(external);
    hello.set_tcp_established(request.tcp_established);
    hello.set_tcp_close(request.tcp_close);
    hello.set_skip_in_flight(request.skip_in_flight);
    if (request.tcp_close)
        hello.mutable_inventory()->set_tcp_close(true);
    hello.set_ext_unix_sk(request.ext_unix_sk);
    for (uint32_t inode : request.ext_unix_sk_inodes)
        hello.add_ext_unix_sk_inode(inode);
    for (const std::string &peer : request.unix_peers)
        hello.add_unix_peer(peer);
    hello.set_force_irmap(request.force_irmap);
    for (const std::string &path : request.irmap_scan_paths)
        hello.add_irmap_scan_path(path);
    begin_inventory(hello);
    return hello;
}

} // namespace cr::session
