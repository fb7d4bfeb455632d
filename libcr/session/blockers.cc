#include "libcr/session/blockers.h"

#include "libcr/base/log.h"
#include "libcr/base/loss.h"
#include "libcr/base/text.h"
#include "libcr/files/blockers.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/tree.h"
#include "libcr/mm/classify.h"
#include "libcr/ns/blockers.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/task/births.h"
#include "libcr/task/kernel_facts.h"
#include "libcr/task/label.h"

#include <algorithm>
#include <functional>
#include <unistd.h>

namespace cr::session
{

namespace
{

using AddBlocker =
    std::function<void(const std::string &subject, const std::string &reason, const std::string &remedy)>;

// Which processes (not threads) share what, and whether they could be born again so. Of those that share
// their memory, code of ours in one would be run by the others, too: so they are told of each other.
void find_births(inject::FrozenTree &tree, std::map<pid_t, task::ObjectIds> &all, const AddBlocker &add)
{
    task::SharedObjects objects[] = {
        task::SharedObjects(sys::Kcmp::Vm), task::SharedObjects(sys::Kcmp::Files),
        task::SharedObjects(sys::Kcmp::Fs), task::SharedObjects(sys::Kcmp::Sighand)};
    std::vector<task::Kin> tasks;
    std::map<uint32_t, pid_t> memories;
    for (inject::FrozenTask &task : tree.tasks()) {
        task::Kin kin;
        kin.pid = task.pid;
        kin.ppid = tasks.empty() ? 0 : task.ppid;
        kin.pgid = task.stat.pgrp;
        kin.sid = task.stat.session;
        kin.exit_signal = task.stat.exit_signal;
        kin.dead = task.state == inject::FrozenTask::State::Zombie;
        if (!kin.dead) {
            for (size_t kind = 0; kind < std::size(objects); kind++)
                kin.ids.*task::kSharedIds[kind] = objects[kind].id_of(task.reader());
            all[task.pid] = kin.ids;
            task.memory_of = memories.emplace(kin.ids.vm, task.pid).first->second;
        }
        tasks.push_back(kin);
    }
    try {
        task::plan_births(tasks);
    } catch (const Error &error) {
        add(error.subject(), error.attempted(), error.remedy());
    }
}

// Threads that left what the others of their process share (unshare(2), or clone(2) without the flag): a
// process is dumped with its leader's.
void find_unshared(inject::FrozenTree &tree, const AddBlocker &add)
{
    struct {
        sys::Kcmp what;
        const char *name;
    } const kinds[] = {{sys::Kcmp::Files, "descriptor table"}, {sys::Kcmp::Fs, "root and working directory"}};
    for (inject::FrozenTask &task : tree.tasks())
        for (const inject::FrozenThread &thread : task.threads)
            for (auto &kind : kinds) {
                if (thread.tid == task.reader())
                    continue;
                long order = sys::check(sys::kcmp(task.reader(), thread.tid, kind.what), [&] {
                    return cat("compare thread ", thread.tid, " with pid ", task.pid);
                });
                if (order)
                    add(cat("pid ", task.pid, " (", printable(task.stat.comm), ")"),
                        cat("its thread ", thread.tid, " has a ", kind.name, " of its own"),
                        "this is not supported yet");
            }
}

// The state of such tasks is read from the kernel, and their filters by ptrace.
void find_seccomp(inject::FrozenTree &tree, task::KernelSource &kernel, const AddBlocker &add)
{
    for (inject::FrozenTask &task : tree.tasks())
        if (inject::calls_may_harm(task) && !kernel.there())
            add(cat("pid ", task.pid, " (", printable(task.stat.comm), ")"),
                "it is under seccomp or handles its system calls itself (PR_SET_SYSCALL_USER_DISPATCH), so "
                "that no "
                "calls can be made in it, and its state cannot be read "
                "from the kernel",
                "that needs CAP_BPF, CAP_PERFMON and a kernel with type information (/sys/kernel/btf)");
}

// Who entered a domain without privileges has no_new_privs; of others it is seen when the kernel is read
// anyway.
void find_landlock(inject::FrozenTree &tree, bool allowed, task::KernelSource &kernel, const AddBlocker &add)
{
    for (inject::FrozenTask &task : tree.tasks()) {
        auto suspect = [](const inject::FrozenThread &thread) { return thread.status.no_new_privs; };
        if (!kernel.loaded() && std::none_of(task.threads.begin(), task.threads.end(), suspect))
            continue;
        std::vector<pid_t> threads = kernel.in_landlock(task.pid);
        if (threads.empty())
            continue;
        std::string subject = cat("pid ", task.pid, " (", printable(task.stat.comm), ")");
        std::string what = cat(threads[0] == task.pid ? "it" : cat("its thread ", threads[0]),
                               " is restricted by Landlock (landlock(7))");
        if (allowed)
            log::warning(subject, ": ", what, "; the restored task is not");
        else
            add(subject, cat(what, ", which cannot be brought back"),
                "give --allow-loss landlock if it may go on without these restrictions");
    }
}

} // namespace

BlockersFound find_blockers(inject::FrozenTree &tree, const FreezeRequest &request,
                            task::KernelSource &kernel)
{
    BlockersFound out{tree.blockers(), {}};
    auto add = [&](const std::string &subject, const std::string &reason, const std::string &remedy) {
        out.blockers.push_back(Error(Error::Kind::Refused, 0, reason, remedy).with_subject(subject));
    };
    files::DumpOptions options;
    options.shell_job = request.shell_job;
    options.external = request.external;
    options.file_locks = request.file_locks;
    options.ghost_limit = request.ghost_limit;
    const inject::FrozenTask &root = tree.tasks().front();
    if (root.stat.session != root.pid && !request.shell_job)
        add(cat("pid ", root.pid),
            "the task is not a session leader: its terminal and session are outside the tree",
            "give --shell-job, or start it with setsid");
    find_births(tree, out.ids, add);
    find_unshared(tree, add);
    find_seccomp(tree, kernel, add);
    find_landlock(tree, request.allow_loss & kLoseLandlock, kernel, add);
    files::BlockerSearch search(options);
    const ns::Links own = ns::links_of(::getpid());
    const std::string own_label = task::label_of(::getpid());
    for (inject::FrozenTask &task : tree.tasks()) {
        if (task.state == inject::FrozenTask::State::Zombie)
            continue;
        std::vector<Blocker> blockers;
        search.look(task.reader(), blockers);
        proc::PidDir dir(task.reader());
        for (const mm::Blocker &area : mm::blockers(dir))
            blockers.push_back({cat("pid ", task.pid), area.what, area.remedy});
        ns::blockers(task.reader(), own, blockers);
        // Where no module keeps labels there is nothing to look at.
        if (!own_label.empty())
            if (auto label = task::label_blocker(task.pid, own_label, task::label_of(task.reader())))
                blockers.push_back(*label);
        for (const Blocker &blocker : blockers)
            add(blocker.subject, blocker.reason, blocker.remedy);
    }
    std::vector<Blocker> blockers;
    search.finish(blockers);
    for (const Blocker &blocker : blockers)
        add(blocker.subject, blocker.reason, blocker.remedy);
    return out;
}

} // namespace cr::session
