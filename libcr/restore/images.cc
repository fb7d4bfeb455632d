#include "libcr/restore/images.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/image/seal.h"
#include "libcr/task/seccomp.h"
#include "libcr/task/state.h"

#include <set>

namespace cr::restore
{

namespace
{

constexpr uint32_t kPidMax = 1 << 22; // PID_MAX_LIMIT of include/linux/threads.h

void check_pid(uint32_t pid, const char *what)
{
    if (pid == 0 || pid > kPidMax)
        bad_image(cat(what, " ", pid, " is not a process id"));
}

void check_tree(const std::vector<img::pstree_entry> &entries)
{
    if (entries.empty())
        bad_image("pstree.img: no task");
    std::set<uint32_t> pids;
    for (const img::pstree_entry &entry : entries) {
        check_pid(entry.pid(), "pstree.img: pid");
        check_pid(entry.pgid(), "pstree.img: pgid");
        check_pid(entry.sid(), "pstree.img: sid");
        if (pids.empty() != (entry.ppid() == 0) || (entry.ppid() && !pids.count(entry.ppid())))
            bad_image(cat("pstree.img: task ", entry.pid(), " has parent ", entry.ppid(),
                          ", which is not an earlier task"));
        pids.insert(entry.pid());
    }
}

// Ids of threads, unique over the tree. (Those of a dead task are not looked at: CRIU leaves rubbish there.)
void check_threads(const img::pstree_entry &entry, std::set<uint32_t> &seen)
{
    if (entry.threads(0) != entry.pid())
        bad_image(cat("pstree.img: task ", entry.pid(), " does not list its leader as first thread"));
    for (uint32_t tid : entry.threads()) {
        check_pid(tid, "pstree.img: thread");
        if (!seen.insert(tid).second)
            bad_image(cat("pstree.img: id ", tid, " occurs twice"));
    }
}

TaskImage read_task(const image::Dir &dir, const img::pstree_entry &entry, std::set<uint32_t> &seen)
{
    auto name = [&] { return cat("pid ", entry.pid()); };
    Subject subject(name);
    TaskImage task;
    task.tree = entry;
    task.threads.push_back(image::read_one<img::core_entry>(dir, image::Kind::Core, entry.pid()));
    if (!task.leader().has_tc())
        bad_image(cat("core-", entry.pid(), ".img has no task part"));
    if (task.zombie())
        task.tree.clear_threads();
    if (!task.tree.threads_size())
        task.tree.add_threads(entry.pid());
    check_threads(task.tree, seen);
    for (int i = 1; i < task.tree.threads_size(); i++)
        task.threads.push_back(
            image::read_one<img::core_entry>(dir, image::Kind::Core, task.tree.threads(i)));
    if (task.zombie())
        return task;
    if (task.leader_dead() && task.threads.size() == 1)
        bad_image("its main thread has ended and it has no other");
    if (auto ids = image::read_optional<img::task_kobj_ids_entry>(dir, image::Kind::Ids, entry.pid()))
        task.ids = *ids;
    else if (task.leader().has_ids())
        task.ids = task.leader().ids();
    else
        bad_image(cat("ids-", entry.pid(), ".img is missing"));
    return task;
}

task::ObjectIds ids_of(const TaskImage &task)
{
    return {task.ids.vm_id(), task.ids.files_id(), task.ids.fs_id(), task.ids.sighand_id()};
}

void read_thread_tables(TaskImage &task, const task::ObjectIds &ids)
{
    for (const img::core_entry &core : task.threads) {
        task::ThreadTables &tables = task.tables.emplace_back(task::ThreadTables{ids.files, ids.fs});
        if (!core.has_ids() || &core == &task.leader())
            continue;
        tables = {core.ids().files_id(), core.ids().fs_id()};
        if (!tables.files || !tables.fs || core.ids().vm_id() != ids.vm ||
            core.ids().sighand_id() != ids.sighand)
            bad_image("the ids of a thread are not such as a thread can have");
    }
}

// What threads have of their own is no other process's. Who makes what.
void check_thread_tables(ImageSet &set)
{
    std::map<std::pair<task::Shared, uint32_t>, std::set<size_t>> users;
    for (size_t i = 0; i < set.tasks.size(); i++)
        for (const task::ThreadTables &tables : set.tasks[i].tables) {
            users[{task::Shared::Files, tables.files}].insert(i);
            users[{task::Shared::Fs, tables.fs}].insert(i);
        }
    for (TaskImage &task : set.tasks) {
        auto name = [&] { return cat("pid ", task.pid()); };
        Subject subject(name);
        if (task.zombie())
            continue;
        const task::ThreadTables &common = task.tables.front();
        for (const task::ThreadTables &own : task.tables)
            if ((own.files != common.files && users[{task::Shared::Files, own.files}].size() > 1) ||
                (own.fs != common.fs && users[{task::Shared::Fs, own.fs}].size() > 1))
                bad_image("a thread shares with another process what its own process does not");
        task.thread_cloners =
            task::thread_cloners(task.tables, users[{task::Shared::Files, common.files}].size() > 1);
    }
}

// Whom each task has from what it shares; address spaces, of which there is one image each.
void read_shared(ImageSet &set)
{
    std::map<std::pair<size_t, uint32_t>, size_t> first;
    for (size_t i = 0; i < set.tasks.size(); i++) {
        TaskImage &task = set.tasks[i];
        auto &owners = set.owners.emplace_back();
        owners.fill(i);
        if (task.zombie())
            continue;
        auto name = [&] { return cat("pid ", task.pid()); };
        Subject subject(name);
        task::ObjectIds ids = ids_of(task);
        for (size_t kind = 0; kind < owners.size(); kind++) {
            uint32_t id = ids.*task::kSharedIds[kind];
            if (id == 0)
                bad_image("an id of what it may share is 0");
            owners[kind] = first.emplace(std::pair(kind, id), i).first->second;
        }
        read_thread_tables(task, ids);
        if (!set.owns(i, task::Shared::Sighand) &&
            set.owner_of(i, task::Shared::Vm) !=
                set.owner_of(set.owner_of(i, task::Shared::Sighand), task::Shared::Vm))
            bad_image("it shares signal actions with a task that has another memory");
        if (set.owns(i, task::Shared::Vm))
            task.mm =
                image::read_one<img::mm_entry>(set.dir, image::Kind::Mm, static_cast<uint64_t>(task.pid()));
    }
    check_thread_tables(set);
}

} // namespace

bool TaskImage::zombie() const { return leader().tc().task_state() == task::kDead; }

std::optional<size_t> ImageSet::parent_of(size_t task) const
{
    if (task == 0)
        return std::nullopt;
    return by_pid.at(static_cast<pid_t>(tasks[task].tree.ppid()));
}

ImageSet read_images(const std::string &directory)
{
    image::Complete complete = image::open_complete(directory);
    ImageSet set{std::move(complete.dir), std::move(complete.inventory), {}, {}, {}, {}};
    auto entries = image::read_all<img::pstree_entry>(set.dir, image::Kind::Pstree);
    check_tree(entries);
    std::set<uint32_t> seen;
    for (const img::pstree_entry &entry : entries) {
        set.by_pid[static_cast<pid_t>(entry.pid())] = set.tasks.size();
        set.tasks.push_back(read_task(set.dir, entry, seen));
        if (auto parent = set.parent_of(set.tasks.size() - 1); parent && set.tasks[*parent].zombie())
            bad_image(cat("pstree.img: task ", entry.pid(), " is the child of a dead task"));
    }
    if (set.tasks[0].zombie())
        bad_image("pstree.img: the root of the tree is dead");
    read_shared(set);
    if (auto filters = image::read_optional<img::seccomp_entry>(set.dir, image::Kind::Seccomp, 0))
        set.filters = std::move(*filters);
    task::check_filters(set.filters);
    return set;
}

std::vector<task::Kin> kin_of(const ImageSet &images)
{
    std::vector<task::Kin> out;
    for (const TaskImage &task : images.tasks) {
        task::Kin kin;
        kin.pid = task.pid();
        kin.ppid = static_cast<pid_t>(task.tree.ppid());
        kin.pgid = static_cast<pid_t>(task.tree.pgid());
        kin.sid = static_cast<pid_t>(task.tree.sid());
        kin.dead = task.zombie();
        if (task.leader().tc().has_cr_exit_signal())
            kin.exit_signal = static_cast<int>(task.leader().tc().cr_exit_signal());
        if (!kin.dead)
            kin.ids = ids_of(task);
        out.push_back(kin);
    }
    return out;
}

} // namespace cr::restore
