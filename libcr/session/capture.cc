#include "libcr/session/capture.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/loss.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/writer.h"
#include "libcr/inject/freeze.h"
#include "libcr/image/namespace_ids.h"
#include "libcr/session/wire.h"
#include "libcr/task/capture.h"
#include "libcr/task/kernel_written.h"
#include "libcr/task/keyrings.h"
#include "libcr/task/kind.h"
#include "libcr/task/lost.h"
#include "libcr/task/numa.h"
#include "libcr/task/state.h"

#include "pstree.pb.h"

#include <algorithm>
#include <span>

namespace cr::session
{

namespace
{

constexpr size_t kBatch = 64;

class TreeCapture
{
  public:
    TreeCapture(const FreezeRequest &request, const BlockersFound &found, task::KernelSource &kernel,
                WriteWatches &watches, const image::Dir &states, int out)
        : request_(request), found_(found), kernel_(kernel), watches_(watches), states_(states), out_(out)
    {
    }
    void run(inject::FrozenTree &tree);

  private:
    void report_lost(const std::vector<inject::FrozenTask *> &tasks);
    void check_dead_leaders(inject::FrozenTree &tree, const task::TaskFacts &facts) const;
    void capture_task(const inject::FrozenTask &task, const task::TaskFacts &facts, img::pstree_entry &entry);
    void tell(const inject::FrozenTask &task, const task::TaskFacts &facts,
              const img::task_kobj_ids_entry &ids);
    // Zeros for a zombie.
    task::ObjectIds ids_of(pid_t pid) const
    {
        auto at = found_.ids.find(pid);
        return at == found_.ids.end() ? task::ObjectIds{} : at->second;
    }

    const FreezeRequest &request_;
    const BlockersFound &found_;
    task::KernelSource &kernel_;
    WriteWatches &watches_;
    const image::Dir &states_;
    int out_;
};

void TreeCapture::tell(const inject::FrozenTask &task, const task::TaskFacts &facts,
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
        auto apart = found_.apart.find(thread.tid);
        if (apart == found_.apart.end())
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
    if (int watch = watches_.of(task.pid); watch >= 0) {
        out.set_userfaultfd(watch);
        for (uint64_t page : task::kernel_written_pages(facts, task))
            out.add_never_held(page);
    }
    out.set_comm(facts.stat.comm);
    put_record(out_, record);
}

void TreeCapture::capture_task(const inject::FrozenTask &task, const task::TaskFacts &facts,
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
    const task::ObjectIds shared = ids_of(task.pid);
    ids.set_vm_id(shared.vm);
    ids.set_files_id(shared.files);
    ids.set_fs_id(shared.fs);
    ids.set_sighand_id(shared.sighand);
    image::put_namespace_ids(ids);
    task::meet_keyrings(facts, request_.allow_loss & kLoseKeyrings);
    tell(task, facts, ids);

    img::core_entry core;
    core.set_mtype(img::core_entry::X86_64);
    task::capture_task(facts, core);
    if (zombie) {
        entry.add_threads(entry.pid());
        core.mutable_thread_core()->set_futex_rla(0);
        core.mutable_thread_core()->set_futex_rla_len(0);
        image::write_one(states_, image::Kind::Core, entry.pid(), core);
        return;
    }
    auto put = [&](const task::ThreadFacts &thread, img::core_entry &core) {
        task::capture_thread(thread, core);
        if (auto set = found_.cgroup_sets.find(thread.tid); set != found_.cgroup_sets.end()) {
            core.mutable_thread_core()->set_cg_set(set->second);
            if (thread.tid == task.pid)
                core.mutable_tc()->set_cg_set(set->second);
        }
        if (auto apart = found_.apart.find(thread.tid); apart != found_.apart.end()) {
            *core.mutable_ids() = ids;
            core.mutable_ids()->set_files_id(apart->second.files);
            core.mutable_ids()->set_fs_id(apart->second.fs);
        }
        if (facts.dead_leader && thread.tid == task.pid)
            core.clear_thread_info();
        image::write_one(states_, image::Kind::Core, static_cast<uint64_t>(thread.vtid), core);
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
    image::write_one(states_, image::Kind::Ids, entry.pid(), ids);
}

// A restored main thread ends once more: the kernel tells its children, which are born of it again.
void TreeCapture::check_dead_leaders(inject::FrozenTree &tree, const task::TaskFacts &facts) const
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

void TreeCapture::report_lost(const std::vector<inject::FrozenTask *> &tasks)
{
    auto ours = task::unkept_state(proc::PidDir(::getpid()));
    for (const inject::FrozenTask *task : tasks)
        if (task->state != inject::FrozenTask::State::Zombie)
            task::report_lost(task->pid, task::unkept_state(proc::PidDir(task->reader())), ours);
}

void TreeCapture::run(inject::FrozenTree &tree)
{
    image::Writer pstree(states_, image::Kind::Pstree);
    std::vector<inject::FrozenTask *> tasks;
    for (inject::FrozenTask &task : tree.tasks())
        tasks.push_back(&task);
    report_lost(tasks);
    task::SeccompFilters filters;
    // In batches: the next stages begin with the first while the second is captured.
    for (size_t at = 0; at < tasks.size(); at += kBatch) {
        auto batch = std::span(tasks).subspan(at, std::min(kBatch, tasks.size() - at));
        std::vector<task::TaskFacts> facts = task::gather(batch, {tree.waiter(), kernel_, filters});
        watches_.take(tree, batch);
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
        image::write_one(states_, image::Kind::Seccomp, 0, filters.image());
}

} // namespace

void capture_tree(inject::FrozenTree &tree, const FreezeRequest &request, const BlockersFound &found,
                  task::KernelSource &kernel, WriteWatches &watches, const image::Dir &states, int out)
{
    TreeCapture(request, found, kernel, watches, states, out).run(tree);
}

} // namespace cr::session
