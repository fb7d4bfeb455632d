#include "libcr/session/freeze.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/loss.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/parent.h"
#include "libcr/image/seal.h"
#include "libcr/image/writer.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/tree.h"
#include "libcr/inject/write_watch.h"
#include "libcr/session/blockers.h"
#include "libcr/session/holder.h"
#include "libcr/session/link.h"
#include "libcr/session/wire.h"
#include "libcr/task/capture.h"
#include "libcr/task/cpu.h"
#include "libcr/task/kernel_written.h"
#include "libcr/task/keyrings.h"
#include "libcr/task/kind.h"
#include "libcr/task/lost.h"
#include "libcr/task/numa.h"
#include "libcr/task/state.h"

#include "pstree.pb.h"

#include <climits>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <map>
#include <unistd.h>

namespace cr::session
{

namespace
{

constexpr size_t kBatch = 64;

uint64_t now_us()
{
    timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<uint64_t>(ts.tv_sec) * 1000000 + static_cast<uint64_t>(ts.tv_nsec) / 1000;
}

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

// Every task is in our own namespaces (anything else is refused), so each kind has one id.
void put_namespace_ids(img::task_kobj_ids_entry &ids)
{
    ids.set_pid_ns_id(1);
    ids.set_net_ns_id(2);
    ids.set_ipc_ns_id(3);
    ids.set_uts_ns_id(4);
    ids.set_mnt_ns_id(5);
    ids.set_user_ns_id(6);
    ids.set_cgroup_ns_id(7);
    ids.set_time_ns_id(8);
}

// Bytes that are there and not in files, about.
uint64_t private_memory(pid_t pid)
{
    std::string statm = proc::PidDir(pid).read("statm");
    std::string_view rest = statm;
    take_word(rest);
    uint64_t resident = parse_int<uint64_t>(take_word(rest)).value_or(0);
    uint64_t shared = parse_int<uint64_t>(take_word(rest)).value_or(0);
    return (resident - std::min(resident, shared)) * kPageSize;
}

// The same of a task and all its descendants, as they are at the moment.
uint64_t memory_of_tree(pid_t root)
{
    uint64_t out = 0;
    std::vector<pid_t> left{root};
    while (!left.empty()) {
        pid_t pid = left.back();
        left.pop_back();
        try {
            out += private_memory(pid);
        } catch (const Error &) {
            continue; // it has ended
        }
        for (pid_t child : inject::children_of(pid))
            left.push_back(child);
    }
    return out;
}

class Freeze
{
  public:
    Freeze(const FreezeRequest &request, int out) : request_(request), out_(out) {}
    int run();

  private:
    void begin();
    void capture(inject::FrozenTree &tree);
    void report_lost(const std::vector<inject::FrozenTask *> &tasks);
    void check_dead_leaders(inject::FrozenTree &tree, const task::TaskFacts &facts) const;
    void capture_task(const inject::FrozenTask &task, const task::TaskFacts &facts, img::pstree_entry &entry);
    void take_watches(inject::FrozenTree &tree, std::span<inject::FrozenTask *const> tasks);
    void tell(const inject::FrozenTask &task, const task::TaskFacts &facts,
              const img::task_kobj_ids_entry &ids);
    // Where the state of tasks goes.
    const image::Dir &states() const { return request_.pre_dump ? nothing_ : *images_; }
    bool hold(inject::FrozenTree &tree, std::string &why);
    void fail(const std::vector<Error> &errors);

    const FreezeRequest &request_;
    int out_;
    std::optional<image::Dir> images_;
    const image::Dir nothing_ = image::Dir::null();
    Holder holder_;
    img::session_hello hello_;
    uint64_t begin_us_ = 0, frozen_us_ = 0;
    std::map<pid_t, task::ObjectIds> ids_;
    std::map<pid_t, task::ThreadTables> apart_; // of threads
    std::map<pid_t, size_t> sharers_of_; // memories, by the first task that has each: how many tasks do
    std::map<pid_t, Fd> watches_;        // userfaultfds until cr-dump-mm has them
    task::KernelSource kernel_;
};

void Freeze::begin()
{
    images_ = request_.dry_run ? image::Dir::null() : image::Dir::create(request_.images_dir);
    if (!request_.prev_images_dir.empty() && !request_.dry_run)
        image::earlier_dump(*images_, request_.prev_images_dir); // to hear now that it is not there
    hello_.set_version(kStreamVersion);
    hello_.set_images_dir(request_.dry_run ? std::string() : absolute(request_.images_dir));
    hello_.set_work_dir(absolute(request_.dry_run ? "." : request_.work_dir));
    hello_.set_holder_pid(static_cast<uint32_t>(::getpid()));
    hello_.set_session_fd(holder_.fd());
    hello_.set_run_id(small_file("/proc/sys/kernel/random/uuid"));
    hello_.set_start_ns(log::config().start_ns ? log::config().start_ns : now_us() * 1000);
    hello_.set_dry_run(request_.dry_run);
    hello_.set_shell_job(request_.shell_job);
    hello_.set_ghost_limit(request_.ghost_limit);
    hello_.set_link_remap(request_.link_remap);
    hello_.set_file_locks(request_.file_locks);
    hello_.set_evasive_devices(request_.evasive_devices);
    hello_.set_leave_running(request_.leave_running);
    hello_.set_freeze_mode(static_cast<uint32_t>(request_.mode));
    if (request_.max_memory)
        hello_.set_max_memory(request_.max_memory);
    if (request_.leave_running && request_.mode == FreezeMode::Copy)
        hello_.set_expected_bytes(memory_of_tree(request_.tree));
    if (!request_.prev_images_dir.empty())
        hello_.set_prev_images_dir(request_.prev_images_dir);
    hello_.set_track_mem(request_.track_mem);
    hello_.set_auto_dedup(request_.auto_dedup);
    hello_.set_pre_dump(request_.pre_dump);
    hello_.set_log_file(request_.log_file);
    hello_.set_log_level(static_cast<uint32_t>(request_.log_level));
    for (const std::string &external : request_.external)
        hello_.add_external(external);
    hello_.set_tcp_established(request_.tcp_established);
    hello_.set_tcp_close(request_.tcp_close);
    hello_.set_skip_in_flight(request_.skip_in_flight);
    if (request_.tcp_close)
        hello_.mutable_inventory()->set_tcp_close(true);
    hello_.set_ext_unix_sk(request_.ext_unix_sk);
    for (uint32_t inode : request_.ext_unix_sk_inodes)
        hello_.add_ext_unix_sk_inode(inode);
    hello_.set_force_irmap(request_.force_irmap);
    for (const std::string &path : request_.irmap_scan_paths)
        hello_.add_irmap_scan_path(path);
    img::inventory_entry &inventory = *hello_.mutable_inventory();
    inventory.set_img_version(2);
    inventory.set_fdinfo_per_id(true);
    inventory.set_ns_per_id(true);
    inventory.set_lsmtype(img::NO_LSM);
    inventory.set_dump_uptime(uptime_ticks());
    inventory.set_dump_criu_run_id(hello_.run_id());
    img::task_kobj_ids_entry &ids = *inventory.mutable_root_ids();
    ids.set_vm_id(task::kDumperId);
    ids.set_files_id(task::kDumperId);
    ids.set_fs_id(task::kDumperId);
    ids.set_sighand_id(task::kDumperId);
    put_namespace_ids(ids);
    img::session_record record;
    *record.mutable_hello() = hello_;
    put_record(out_, record);
    record.Clear();
    record.set_stage_begin("cr-freeze");
    put_record(out_, record);
}

// A userfaultfd of each task whose memory is to be held back.
void Freeze::take_watches(inject::FrozenTree &tree, std::span<inject::FrozenTask *const> tasks)
{
    constexpr uint64_t kWorthIt = 16 << 20; // less is copied as fast
    if (request_.dry_run ||
        (!request_.track_mem && (request_.mode == FreezeMode::Copy || !request_.leave_running)))
        return;
    for (inject::FrozenTask *task : tasks) {
        if (task->state == inject::FrozenTask::State::Zombie)
            continue;
        // The pages that are never to be held would have to be known of all of them, and who ends first
        // would take the others' memory out of our sight.
        if (sharers_of_[task->memory_of] > 1) {
            log::debug("pid ", task->pid, ": its memory is copied while it stands still, since it shares it");
            continue;
        }
        if (!request_.track_mem && request_.mode == FreezeMode::Auto &&
            private_memory(task->reader()) < kWorthIt)
            continue;
        std::string why;
        Fd fd = inject::take_userfaultfd(*task, tree.waiter(), why);
        if (fd)
            watches_[task->pid] = std::move(fd);
        else
            log::warning(cat("pid ", task->pid,
                             request_.track_mem
                                 ? ": the next dump stores all its memory again, since nobody "
                                   "may keep track of what it writes (userfaultfd: "
                                 : ": its memory is copied while it stands still, since it may "
                                   "not hold back writes (userfaultfd: ",
                             why, ")"));
    }
}

void Freeze::tell(const inject::FrozenTask &task, const task::TaskFacts &facts,
                  const img::task_kobj_ids_entry &ids)
{
    img::session_record record;
    img::session_task &out = *record.mutable_task();
    out.set_pid(static_cast<uint32_t>(task.pid));
    out.set_vpid(static_cast<uint32_t>(task.vpid));
    out.set_ppid(static_cast<uint32_t>(facts.vppid));
    out.set_zombie(task.state == inject::FrozenTask::State::Zombie);
    if (task.leader_dead()) {
        out.add_threads(static_cast<uint32_t>(task.pid));
        out.set_reader(static_cast<uint32_t>(task.reader()));
    }
    for (const inject::FrozenThread &thread : task.threads) {
        out.add_threads(static_cast<uint32_t>(thread.tid));
        auto apart = apart_.find(thread.tid);
        if (apart == apart_.end())
            continue;
        img::session_thread_tables &tables = *out.add_apart();
        tables.set_tid(static_cast<uint32_t>(thread.tid));
        tables.set_vtid(static_cast<uint32_t>(thread.vtid));
        tables.set_files_id(apart->second.files);
        tables.set_fs_id(apart->second.fs);
    }
    out.set_files_id(ids.files_id());
    out.set_vm_id(ids.vm_id());
    out.set_fs_id(ids.fs_id());
    out.set_dumpable(facts.dumpable);
    out.set_thp_disable(facts.thp_disable);
    out.set_mdwe(facts.mdwe);
    out.set_memory_merge(facts.memory_merge);
    if (!facts.ldt.empty())
        out.set_ldt(facts.ldt);
    if (!facts.threads.empty() && facts.threads[0].numa.mode)
        task::put_numa(facts.threads[0].numa, *out.mutable_numa());
    if (facts.brk)
        out.set_brk(facts.brk);
    if (auto watch = watches_.find(task.pid); watch != watches_.end()) {
        out.set_userfaultfd(watch->second.get());
        for (uint64_t page : task::kernel_written_pages(facts, task))
            out.add_never_held(page);
    }
    out.set_comm(facts.stat.comm);
    put_record(out_, record);
}

void Freeze::capture_task(const inject::FrozenTask &task, const task::TaskFacts &facts,
                          img::pstree_entry &entry)
{
    auto name = [&] { return cat("pid ", task.pid, " (", printable(task.stat.comm), ")"); };
    Subject subject(name);
    bool zombie = task.state == inject::FrozenTask::State::Zombie;
    entry.set_pid(static_cast<uint32_t>(facts.vpid));
    entry.set_ppid(static_cast<uint32_t>(facts.vppid));
    entry.set_pgid(static_cast<uint32_t>(facts.vpgid));
    entry.set_sid(static_cast<uint32_t>(facts.vsid));
    img::task_kobj_ids_entry ids;
    const task::ObjectIds &shared = ids_[task.pid]; // zeros for a zombie
    ids.set_vm_id(shared.vm);
    ids.set_files_id(shared.files);
    ids.set_fs_id(shared.fs);
    ids.set_sighand_id(shared.sighand);
    put_namespace_ids(ids);
    task::meet_keyrings(facts, request_.allow_loss & kLoseKeyrings);
    tell(task, facts, ids);

    img::core_entry core;
    core.set_mtype(img::core_entry::X86_64);
    task::capture_task(facts, core);
    if (zombie) {
        entry.add_threads(entry.pid());
        core.mutable_thread_core()->set_futex_rla(0);
        core.mutable_thread_core()->set_futex_rla_len(0);
        image::write_one(states(), image::Kind::Core, entry.pid(), core);
        return;
    }
    auto put = [&](const task::ThreadFacts &thread, img::core_entry &core) {
        task::capture_thread(thread, core);
        if (auto apart = apart_.find(thread.tid); apart != apart_.end()) {
            *core.mutable_ids() = ids;
            core.mutable_ids()->set_files_id(apart->second.files);
            core.mutable_ids()->set_fs_id(apart->second.fs);
        }
        if (facts.dead_leader && thread.tid == task.pid)
            core.clear_thread_info();
        image::write_one(states(), image::Kind::Core, static_cast<uint64_t>(thread.vtid), core);
    };
    if (facts.dead_leader && task.state == inject::FrozenTask::State::Stopped)
        log::warning("pid ", task.pid,
                     ": its main thread, which has ended, will be there again until the restored process "
                     "is continued");
    std::vector<const task::ThreadFacts *> threads;
    if (facts.dead_leader)
        threads.push_back(&*facts.dead_leader);
    for (const task::ThreadFacts &thread : facts.threads)
        threads.push_back(&thread);
    for (const task::ThreadFacts *thread : threads)
        entry.add_threads(static_cast<uint32_t>(thread->vtid));
    put(*threads.front(), core); // only the first has the task's part
    parallel_for(threads.size() - 1, [&](size_t i) {
        Subject subject(name);
        img::core_entry other;
        other.set_mtype(img::core_entry::X86_64);
        put(*threads[i + 1], other);
    });
    image::write_one(states(), image::Kind::Ids, entry.pid(), ids);
}

// A restored main thread ends once more: the kernel tells its children, which are born of it again.
void Freeze::check_dead_leaders(inject::FrozenTree &tree, const task::TaskFacts &facts) const
{
    bool told = std::any_of(facts.threads.begin(), facts.threads.end(),
                            [](const task::ThreadFacts &thread) { return thread.pdeath_signal != 0; });
    if (!told)
        return;
    for (const inject::FrozenTask &task : tree.tasks())
        if (task.pid == facts.vppid && task.leader_dead())
            refused(cat("pid ", facts.pid,
                        " wants a signal when its parent ends (PR_SET_PDEATHSIG), and the "
                        "main thread of that has ended already"),
                    "dump the tree before that thread ends");
}

void Freeze::report_lost(const std::vector<inject::FrozenTask *> &tasks)
{
    auto ours = task::unkept_state(proc::PidDir(::getpid()));
    for (const inject::FrozenTask *task : tasks)
        if (task->state != inject::FrozenTask::State::Zombie)
            task::report_lost(task->pid, task::unkept_state(proc::PidDir(task->reader())), ours);
}

void Freeze::capture(inject::FrozenTree &tree)
{
    image::Writer pstree(states(), image::Kind::Pstree);
    std::vector<inject::FrozenTask *> tasks;
    for (inject::FrozenTask &task : tree.tasks()) {
        tasks.push_back(&task);
        sharers_of_[task.memory_of]++;
    }
    report_lost(tasks);
    task::SeccompFilters filters;
    // In batches: the next stages begin with the first while the second is captured.
    for (size_t at = 0; at < tasks.size(); at += kBatch) {
        auto batch = std::span(tasks).subspan(at, std::min(kBatch, tasks.size() - at));
        std::vector<task::TaskFacts> facts = task::gather(batch, {tree.waiter(), kernel_, filters});
        take_watches(tree, batch);
        for (size_t i = 0; i < batch.size(); i++) {
            if (at + i == 0)
                facts[0].vppid = 0; // the root's parent is outside
            check_dead_leaders(tree, facts[i]);
            img::pstree_entry entry;
            capture_task(*batch[i], facts[i], entry);
            pstree.put(entry);
        }
    }
    pstree.finish();
    if (filters.image().seccomp_filters_size())
        image::write_one(states(), image::Kind::Seccomp, 0, filters.image());
    img::session_record record;
    record.set_tree_end(true);
    put_record(out_, record);
    record.Clear();
    record.mutable_done()->set_stage("cr-freeze");
    record.mutable_done()->set_freezing_us(frozen_us_ - begin_us_);
    put_record(out_, record);
}

void Freeze::fail(const std::vector<Error> &errors)
{
    for (size_t i = 0; i < errors.size(); i++) {
        log::info(errors[i].what());
        img::session_record record;
        *record.mutable_failure() = to_record("cr-freeze", errors[i]);
        record.mutable_failure()->set_more(i + 1 < errors.size());
        put_record(out_, record);
    }
}

bool Freeze::hold(inject::FrozenTree &tree, std::string &why)
{
    auto let_go = [&](Release release) {
        watches_.clear(); // from now on the death of cr-dump-mm alone ends them
        if (release == Release::Kill)
            tree.kill();
        else if (release == Release::Stop)
            tree.leave_stopped();
        else
            tree.resume();
        return now_us() - begin_us_;
    };
    auto committed = [&] { return images_->has(image::Kind::Inventory); };
    return holder_.serve(
        out_, let_go, committed, [&] { return tree.trouble(); }, why);
}

int Freeze::run()
{
    begin();
    try {
        if (request_.leave_running && !request_.dry_run)
            holder_.wait_for_pipeline(out_);
        begin_us_ = now_us();
        inject::FreezeOptions options;
        options.timeout = request_.timeout;
        options.collect = true;
        std::vector<Fd> old_pages; // freed when the tree has been let go
        inject::FrozenTree tree(request_.tree, options);
        frozen_us_ = now_us();
        BlockersFound found = find_blockers(tree, request_, kernel_);
        if (!found.blockers.empty()) {
            tree.resume();
            fail(found.blockers);
            return 1;
        }
        ids_ = std::move(found.ids);
        apart_ = std::move(found.apart);
        // Only now: a dump that is refused leaves an older checkpoint in the directory as it was.
        if (!request_.dry_run) {
            old_pages = image::begin(*images_);
            if (!request_.prev_images_dir.empty())
                image::link_parent(*images_, request_.prev_images_dir);
            if (request_.cpu_cap & kCpuImage)
                task::write_cpuinfo(*images_);
        }
        capture(tree);
        std::string why;
        if (hold(tree, why))
            return 0;
        fail({Error(Error::Kind::Failed, 0, "finish the dump: " + why, "the processes run on as before")});
    } catch (const Error &error) {
        try {
            fail({error});
        } catch (const Error &) {
            // Nobody is there to hear it; the tree runs on.
        }
    }
    return 1;
}

} // namespace

int freeze(const FreezeRequest &request, int out)
{
    refuse_terminal_output(out, "cr-freeze");
    block_stop_signals();
    return Freeze(request, out).run();
}

} // namespace cr::session
