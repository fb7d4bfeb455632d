#include "libcr/session/blockers.h"

#include "libcr/base/clock.h"
#include "libcr/base/log.h"
#include "libcr/base/loss.h"
#include "libcr/base/parallel.h"
#include "libcr/base/text.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/tree.h"
#include "libcr/mm/classify.h"
#include "libcr/ns/blockers.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/end_signals.h"
#include "libcr/sys/ptrace.h"
#include "libcr/task/births.h"
#include "libcr/task/kernel_facts.h"
#include "libcr/task/label.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>
#include <tuple>
#include <unistd.h>

namespace cr::session
{

namespace
{

using AddBlocker =
    std::function<void(const std::string &subject, const std::string &reason, const std::string &remedy)>;

// Who shares what with whom. Of tasks that share their memory, code of ours in one would be run by the
// others, too: so they are told of each other. What a thread has left is looked at after all processes.
class Sharing
{
  public:
    Sharing(inject::FrozenTree &tree, BlockersFound &out, const AddBlocker &add)
        : tree_(tree), out_(out), add_(add)
    {
    }

    // Whether the processes could be born again so.
    void look_at_processes();
    // The threads that left what the others of their process share (unshare(2), or clone(2) without the
    // flag).
    void look_at_threads();

  private:
    void look_at_threads(const inject::FrozenTask &task);
    void take(const inject::FrozenTask &task, const inject::FrozenThread &thread, task::Shared kind,
              uint32_t &id);

    inject::FrozenTree &tree_;
    BlockersFound &out_;
    const AddBlocker &add_;
    task::SharedObjects objects_[4] = {
        task::SharedObjects(sys::Kcmp::Vm), task::SharedObjects(sys::Kcmp::Files),
        task::SharedObjects(sys::Kcmp::Fs), task::SharedObjects(sys::Kcmp::Sighand)};
    std::map<std::pair<task::Shared, uint32_t>, std::set<pid_t>> users_; // processes
};

void Sharing::look_at_processes()
{
    std::vector<task::Kin> tasks;
    std::map<uint32_t, pid_t> memories;
    for (inject::FrozenTask &task : tree_.tasks()) {
        task::Kin kin;
        kin.pid = task.pid;
        kin.ppid = tasks.empty() ? 0 : task.ppid;
        kin.pgid = task.stat.pgrp;
        kin.sid = task.stat.session;
        kin.exit_signal = task.stat.exit_signal;
        kin.dead = task.state == inject::FrozenTask::State::Zombie;
        if (!kin.dead) {
            for (size_t kind = 0; kind < std::size(objects_); kind++) {
                uint32_t id = objects_[kind].id_of(task.reader());
                kin.ids.*task::kSharedIds[kind] = id;
                users_[{static_cast<task::Shared>(kind), id}].insert(task.pid);
            }
            out_.ids[task.pid] = kin.ids;
            task.memory_of = memories.emplace(kin.ids.vm, task.pid).first->second;
        }
        tasks.push_back(kin);
    }
    try {
        task::plan_births(tasks);
    } catch (const Error &error) {
        add_(error.subject(), error.attempted(), error.remedy());
    }
}

void Sharing::look_at_threads()
{
    for (const inject::FrozenTask &task : tree_.tasks())
        if (task.threads.size() > 1)
            look_at_threads(task);
}

void Sharing::look_at_threads(const inject::FrozenTask &task)
{
    auto name = [&] { return cat("pid ", task.pid, " (", printable(task.stat.comm), ")"); };
    task::ObjectIds ids = out_.ids[task.pid];
    const task::ThreadTables common{ids.files, ids.fs};
    std::vector<task::ThreadTables> tables;
    for (const inject::FrozenThread &thread : task.threads) {
        task::ThreadTables &own = tables.emplace_back(common);
        take(task, thread, task::Shared::Files, own.files);
        take(task, thread, task::Shared::Fs, own.fs);
        if (own != common)
            out_.apart[thread.tid] = own;
    }
    try {
        task::thread_cloners(tables, users_[{task::Shared::Files, ids.files}].size() > 1);
    } catch (const Error &error) {
        add_(name(), error.attempted(), error.remedy());
    }
    for (const task::ThreadTables &own : tables)
        if ((own.files != common.files && users_[{task::Shared::Files, own.files}].size() > 1) ||
            (own.fs != common.fs && users_[{task::Shared::Fs, own.fs}].size() > 1))
            add_(name(),
                 "a thread of it, but not the process, shares its descriptor table or directories with "
                 "another "
                 "process",
                 "let the program end one of them before the dump");
}

void Sharing::take(const inject::FrozenTask &task, const inject::FrozenThread &thread, task::Shared kind,
                   uint32_t &id)
{
    sys::Kcmp what = kind == task::Shared::Files ? sys::Kcmp::Files : sys::Kcmp::Fs;
    if (thread.tid == task.reader() || sys::check(sys::kcmp(task.reader(), thread.tid, what), [&] {
                                           return cat("compare thread ", thread.tid, " with pid ", task.pid);
                                       }) == 0)
        return;
    id = objects_[static_cast<size_t>(kind)].id_of(thread.tid);
    users_[{kind, id}].insert(task.pid);
}

// Calls made in a thread that has its system calls sent to a handler of its own may kill it. Before Linux 6.4
// only the kernel's own structures tell of it, which takes a while; but such a handler is one of SIGSYS.
void find_untold_dispatch(inject::FrozenTree &tree, task::KernelSource &kernel, const AddBlocker &add)
{
    for (inject::FrozenTask &task : tree.tasks()) {
        sys::ptrace::UserDispatch told;
        if (task.threads.empty() || !(task.status().sig_caught >> (SIGSYS - 1) & 1) ||
            sys::ptrace::get_user_dispatch(task.threads.front().tid, told) != -EIO)
            continue;
        if (!kernel.there())
            add(cat("pid ", task.pid, " (", printable(task.stat.comm), ")"),
                "it handles SIGSYS: whether its system calls are sent to that handler this kernel does not "
                "tell",
                "use Linux 6.4 or later, or give us CAP_BPF and CAP_PERFMON");
        else if (kernel.dispatches_calls(task.pid))
            add(cat("pid ", task.pid, " (", printable(task.stat.comm), ")"),
                "it has its system calls sent to a handler (PR_SET_SYSCALL_USER_DISPATCH), which this kernel "
                "does "
                "not let others set",
                "use Linux 6.4 or later");
    }
}

// The state of such tasks is read from the kernel, and their filters by ptrace.
void find_seccomp(inject::FrozenTree &tree, task::KernelSource &kernel, const AddBlocker &add)
{
    for (inject::FrozenTask &task : tree.tasks())
        if (inject::calls_may_harm(task) && !kernel.there())
            add(cat("pid ", task.pid, " (", printable(task.stat.comm), ")"),
                "it is under seccomp, handles its system calls itself (PR_SET_SYSCALL_USER_DISPATCH) or runs "
                "32-bit code, so that no "
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

// What was begun by io_submit(2) goes on in the kernel while the process stands still, and may write its memory: so
// its end is waited for before anything is read.
void wait_for_requests(const inject::FrozenTask &task, task::KernelSource &kernel, uint64_t end,
                       const sys::EndSignals &signals, const AddBlocker &add)
{
    std::string subject = cat("pid ", task.pid, " (", printable(task.stat.comm), ")");
    for (;; signals.wait(std::chrono::milliseconds(1))) {
        auto requests = kernel.requests(task.pid);
        if (!requests) {
            add(subject, "whether all of its asynchronous I/O (io_submit) has ended cannot be read from the kernel",
                "that needs CAP_BPF, CAP_PERFMON and a kernel with type information (/sys/kernel/btf)");
            return;
        }
        if (requests->endless)
            return add(subject,
                       "it has requests of asynchronous I/O (io_submit) that wait for something to happen, such as "
                       "IOCB_CMD_POLL, which cannot be kept",
                       "let the program cancel them (io_cancel) before the dump");
        if (!requests->in_flight)
            return;
        if (monotonic_us() >= end)
            return add(subject,
                       cat(requests->in_flight, " requests of its asynchronous I/O (io_submit) have not ended "
                                                "within 10 seconds"),
                       "try again when there is less to be read and written");
    }
}

// What is to be undone at the end of a process is told by no file, and set by no call. Where there are no
// semaphores at all, the kernel is not asked.
void warn_of_undo_lists(inject::FrozenTree &tree, task::KernelSource &kernel)
{
    std::ifstream all("/proc/sysvipc/sem");
    std::string line;
    std::getline(all, line); // the heading
    if (!std::getline(all, line))
        return;
    for (const inject::FrozenTask &task : tree.tasks())
        if (task.state != inject::FrozenTask::State::Zombie && kernel.has_undo_list(task.pid))
            log::warning("pid ", task.pid,
                         ": what it did to System V semaphores with SEM_UNDO will not be undone at the end of the "
                         "restored process");
}

// Sessions and groups that a process outside of the tree leads are kept, but their ids are taken where that
// lives.
void warn_of_outer_ids(inject::FrozenTree &tree, bool shell_job)
{
    std::set<pid_t> inside, told;
    for (const inject::FrozenTask &task : tree.tasks())
        inside.insert(task.pid);
    const proc::Stat &root = tree.tasks().front().stat;
    for (const inject::FrozenTask &task : tree.tasks())
        for (auto [id, own, what] : {std::tuple(task.stat.session, root.session, "session"),
                                     std::tuple(task.stat.pgrp, root.pgrp, "process group")}) {
            if (id <= 0 || inside.count(id) || (shell_job && id == own) ||
                sys::call(SYS_kill, id, 0) == -ESRCH || !told.insert(id).second)
                continue;
            log::warning("pid ", task.pid, " is in ", what, " ", id, ", which ", inject::subject_of(id),
                         " outside of the tree leads: it can be restored only where that id is free");
        }
}

// In the way of one process. To ask /proc of every task takes most of a freeze, so that of large trees one thread asks
// for what they have open, and one for the rest.
struct InTheWay {
    std::vector<Blocker> files, rest;
    bool rings = false; // of asynchronous I/O
};

void look_at_files(const inject::FrozenTask &task, const std::map<pid_t, task::ThreadTables> &apart,
                   files::BlockerSearch &search, InTheWay &way)
{
    search.look(task.reader(), way.files);
    for (const inject::FrozenThread &thread : task.threads)
        if (apart.count(thread.tid))
            search.look(thread.tid, way.files);
}

struct Own {
    ns::Links links;
    std::string label;
};

void look_at_rest(const inject::FrozenTask &task, const Own &own, InTheWay &way)
{
    proc::PidDir dir(task.reader());
    for (const mm::Blocker &area : mm::blockers(dir, way.rings))
        way.rest.push_back({cat("pid ", task.pid), area.what, area.remedy});
    ns::blockers(task.reader(), own.links, way.rest);
    // Where no module keeps labels there is nothing to look at.
    if (!own.label.empty())
        if (auto label = task::label_blocker(task.pid, own.label, task::label_of(task.reader())))
            way.rest.push_back(*label);
}

} // namespace

BlockersFound find_blockers(inject::FrozenTree &tree, const FreezeRequest &request,
                            task::KernelSource &kernel, plugin::Plugins &plugins,
                            const sys::EndSignals &signals)
{
    BlockersFound out{tree.blockers(), {}, {}, {}, {}};
    auto add = [&](const std::string &subject, const std::string &reason, const std::string &remedy) {
        out.blockers.push_back(refusal(reason, remedy).with_subject(subject));
    };
    files::DumpOptions options;
    options.shell_job = request.shell_job;
    options.orphan_pts_master = request.orphan_pts_master;
    options.external = request.external;
    options.file_locks = request.file_locks;
    options.tcp_established = request.tcp_established;
    options.tcp_close = request.tcp_close;
    options.skip_in_flight = request.skip_in_flight;
    options.ext_unix_sk = request.ext_unix_sk;
    options.ext_unix_sk_inodes = request.ext_unix_sk_inodes;
    options.unix_peers = request.unix_peers;
    options.link_remap = request.link_remap;
    options.evasive_devices = request.evasive_devices;
    options.ghost_limit = request.ghost_limit;
    options.plugins = &plugins;
    if (tree.tasks().empty())
        return out; // nothing of it could be held
    const inject::FrozenTask &root = tree.tasks().front();
    if (root.stat.session != root.pid && !request.shell_job)
        add(cat("pid ", root.pid),
            "the task is not a session leader: its terminal and session are outside the tree",
            "give --shell-job, or start it with setsid");
    if (out.blockers.empty()) { // else the tree is not whole
        warn_of_outer_ids(tree, request.shell_job);
        warn_of_undo_lists(tree, kernel);
        Sharing sharing(tree, out, add);
        sharing.look_at_processes();
        sharing.look_at_threads();
    }
    find_seccomp(tree, kernel, add);
    find_untold_dispatch(tree, kernel, add);
    find_landlock(tree, request.allow_loss & kLoseLandlock, kernel, add);
    // For all of them, as the tree stands still meanwhile.
    const uint64_t requests_end = monotonic_us() + 10'000'000;
    files::BlockerSearch search(options);
    const Own own{ns::links_of(::getpid()), task::label_of(::getpid())};
    std::vector<InTheWay> found(tree.tasks().size());
    auto look_at_all = [&](auto look) {
        for (size_t i = 0; i < found.size(); i++)
            if (tree.tasks()[i].state != inject::FrozenTask::State::Zombie)
                look(tree.tasks()[i], found[i]);
    };
    constexpr size_t kWorthAThread = 16; // tasks
    side_by_side(
        found.size() >= kWorthAThread,
        [&] { look_at_all([&](const auto &task, InTheWay &way) { look_at_rest(task, own, way); }); },
        [&] { look_at_all([&](const auto &task, InTheWay &way) { look_at_files(task, out.apart, search, way); }); });
    for (size_t i = 0; i < found.size(); i++) {
        for (const std::vector<Blocker> *some : {&found[i].files, &found[i].rest})
            for (const Blocker &blocker : *some)
                add(blocker.subject, blocker.reason, blocker.remedy);
        if (found[i].rings && out.blockers.empty())
            wait_for_requests(tree.tasks()[i], kernel, requests_end, signals, add);
    }
    std::vector<Blocker> blockers;
    search.finish(blockers);
    if (auto blocker = search.file_of_thread(); blocker && !out.apart.empty())
        blockers.push_back(*blocker);
    out.connections = search.outer_connections();
    for (const Blocker &blocker : blockers)
        add(blocker.subject, blocker.reason, blocker.remedy);
    return out;
}

} // namespace cr::session
