#include "libcr/restore/programs.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/locks.h"
#include "libcr/files/session_tty.h"
#include "libcr/files/table.h"
#include "libcr/restore/stops.h"
#include "libcr/task/seccomp.h"
#include "libcr/task/state.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace cr::restore
{

namespace
{

using program::On;
using program::OpId;
using program::Program;
using program::ProgramId;
using program::Value;
using program::WordId;
using task::Birth;

constexpr long kPidfdOpen = 434, kCloseRange = 436;

class Builder
{
  public:
    Builder(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files,
            const MemoryPlan &memory, const task::Host &host, const Surroundings &surroundings, Programs &out)
        : images_(images), births_(births), files_(files), memory_(memory), host_(host),
          surroundings_(surroundings), out_(out)
    {
    }
    void build();

  private:
    // What births wait for: somebody else's group, and that others who share an object are through with what
    // must not meet its being made.
    struct Words {
        WordId group_there, group_joined;
        WordId cloned, memory_there, descriptors_closed, reaped, privileges_gone; // by the sharers
        uint32_t sharers[std::size(task::kSharedIds)] = {}; // those who have it from this birth on
    };
    struct AdoptionWords {
        WordId go, done;
    };
    // What filters all threads of a process have, the oldest first: its leader installs them for all.
    struct CommonFilters {
        size_t count = 0;
        bool for_all = false;
        WordId installed;
    };
    void build_task(size_t birth);
    void build_zombie(size_t birth);
    void build_helper(size_t birth);
    void build_intermediate(size_t birth);
    void make_words();
    bool makes(size_t birth, task::Shared kind) const;
    Words &shared_words(size_t birth, task::Shared kind);
    void tell(size_t birth, task::Shared kind, WordId Words::*word, Program &p);
    void await(size_t birth, task::Shared kind, WordId Words::*word, Program &p);
    void beget(size_t birth, Program &p, task::Build *build = nullptr);
    void foreground(size_t birth, task::Build &build);
    void adopt(size_t birth, Program &p);
    OpId own_opener(size_t birth, Program &p);
    void memory(size_t birth, task::Build &build);
    void files_of(size_t birth, task::Build &build);
    std::unique_ptr<Program> start(size_t birth);
    void enter_group(size_t birth, Program &p);
    void clone(const std::vector<size_t> &children, Program &p);
    bool tables_of_thread(const TaskImage &image, size_t thread, Program &p);
    void clone_thread(const TaskImage &image, size_t thread, ProgramId id, Program &cloner);
    void clone_threads(size_t task, Program &p, WordId creds_done, const CommonFilters &common);
    void thread_work(const img::core_entry &core, const CommonFilters &common, task::Build &build);
    CommonFilters common_filters(const TaskImage &task);
    void enter_seccomp(const img::core_entry &core, const CommonFilters &common, task::Build &build);
    void reap(size_t birth, Program &p);
    void finish(Program &p);
    OpId settle_root(Program &p);
    mm::Sources sources() const;
    void early_memory(size_t birth, const mm::TaskPlan &memory, task::Build &build);
    void wait_for_fill(task::Build &build);

    const ImageSet &images_;
    const task::BirthPlan &births_;
    const files::Plan &files_;
    const MemoryPlan &memory_;
    const task::Host &host_;
    const Surroundings &surroundings_;
    Programs &out_;
    std::vector<ProgramId> ids_; // of births
    std::vector<Words> words_;
    std::vector<AdoptionWords> adoptions_;
    WordId adopted_; // how many adoptions are over
    std::map<pid_t, size_t> birth_of_;
    std::set<pid_t> foreground_; // groups that a session's leader waits for
};

std::unique_ptr<Program> Builder::start(size_t birth)
{
    auto p = std::make_unique<Program>(cat("pid ", births_.births[birth].pid));
    p->on_failure(out_.failure);
    return p;
}

// The group of a process: made, or joined once it is there. Leaders of sessions have made theirs by setsid.
void Builder::enter_group(size_t birth, Program &p)
{
    const Birth &b = births_.births[birth];
    if (b.leads_group || b.leaves_group)
        p.sys(SYS_setpgid, {0, 0}, On::Fail, "process group");
    if (b.joiners || foreground_.count(b.pid))
        p.add(words_[birth].group_there, 1);
    if (b.leaves_group)
        p.wait(words_[birth].group_joined, 1);
    if (!b.join_group)
        return;
    auto leader = birth_of_.find(b.join_group);
    if (leader != birth_of_.end())
        p.wait(words_[leader->second].group_there, 1);
    p.sys(SYS_setpgid, {0, b.join_group}, On::Fail, cat("process group ", b.join_group));
    if (leader != birth_of_.end())
        p.add(words_[leader->second].group_joined, 1);
}

// Whether a birth makes what a task has of this kind, for others too; else it has it from its cloner.
bool Builder::makes(size_t birth, task::Shared kind) const
{
    return !(births_.births[birth].shares.*task::kSharedIds[static_cast<size_t>(kind)]);
}

Builder::Words &Builder::shared_words(size_t birth, task::Shared kind)
{
    while (!makes(birth, kind))
        birth = births_.births[birth].cloner;
    return words_[birth];
}

// For those who share: done with what the maker waits for.
void Builder::tell(size_t birth, task::Shared kind, WordId Words::*word, Program &p)
{
    if (makes(birth, kind))
        return;
    Words &words = shared_words(birth, kind);
    p.add(words.*word, 1, words.sharers[static_cast<size_t>(kind)]);
}

// For the maker: until all who share are done.
void Builder::await(size_t birth, task::Shared kind, WordId Words::*word, Program &p)
{
    if (uint32_t sharers = words_[birth].sharers[static_cast<size_t>(kind)]; sharers && makes(birth, kind))
        p.wait(words_[birth].*word, sharers);
}

void Builder::make_words()
{
    for (const Birth &b : births_.births)
        if (b.leads_session && b.role == Birth::Role::Task)
            foreground_.insert(files::foreground_group(files_, b.pid));
    adopted_ = out_.region.word();
    for (size_t i = 0; i < births_.adoptions.size(); i++)
        adoptions_.push_back({out_.region.word(), out_.region.word()});
    for (size_t i = 0; i < births_.births.size(); i++) {
        const Birth &b = births_.births[i];
        ids_.push_back(out_.region.reserve());
        Words words{};
        for (WordId *word : {&words.group_there, &words.group_joined, &words.cloned, &words.memory_there,
                             &words.descriptors_closed, &words.reaped, &words.privileges_gone})
            *word = out_.region.word();
        words_.push_back(words);
        birth_of_[b.pid] = i;
        out_.by_pid[b.pid] = ids_[i];
        for (size_t kind = 0; kind < std::size(task::kSharedIds); kind++)
            if (b.shares.*task::kSharedIds[kind] && b.role == Birth::Role::Task)
                shared_words(i, static_cast<task::Shared>(kind)).sharers[kind]++;
    }
}

// Children, session and group. Children are cloned before anybody is waited for.
void Builder::beget(size_t birth, Program &p, task::Build *build)
{
    const Birth &b = births_.births[birth];
    clone(b.before_setsid, p);
    if (b.leads_session)
        p.sys(SYS_setsid, {}, On::Fail, "session");
    if (b.leads_session && build)
        files::arm_controlling_terminal(files_, b.pid, *build);
    if (!b.join_group)
        enter_group(birth, p);
    clone(b.after_setsid, p);
    if (b.role == Birth::Role::Task)
        tell(birth, task::Shared::Vm, &Words::cloned, p);
    adopt(birth, p);
    if (b.join_group)
        enter_group(birth, p);
}

// Takes part in adoptions: as the parent to be, as the parent of the intermediate, as the child.
void Builder::adopt(size_t birth, Program &p)
{
    for (uint32_t i = 0; i < births_.adoptions.size(); i++) {
        const task::Adoption &adoption = births_.adoptions[i];
        const Birth &between = births_.births[adoption.intermediate];
        if (adoption.parent == birth) {
            p.wait(adopted_, i);
            p.sys(SYS_prctl, {PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0});
            p.add(adoptions_[i].go, 1);
            p.wait(adoptions_[i].done, 1);
            p.sys(SYS_prctl, {PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0});
            p.add(adopted_, 1);
        } else if (between.parent == birth) {
            p.sys(SYS_wait4, {between.pid, 0, __WALL, 0}, On::Fail, cat("helper ", between.pid));
            p.add(adoptions_[i].done, 1);
        } else if (adoption.child == birth) {
            p.wait(adoptions_[i].done, 1);
        }
    }
}

void Builder::clone(const std::vector<size_t> &children, Program &p)
{
    for (size_t child : children) {
        const Birth &b = births_.births[child];
        clone_args args{};
        args.flags = b.sibling ? CLONE_PARENT : 0;
        constexpr uint64_t kFlags[] = {CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_SIGHAND};
        for (size_t kind = 0; kind < std::size(kFlags); kind++)
            if (b.shares.*task::kSharedIds[kind])
                args.flags |= kFlags[kind];
        args.exit_signal = b.sibling ? 0 : static_cast<uint64_t>(b.exit_signal);
        auto pid = out_.region.data(&b.pid, sizeof b.pid);
        args.set_tid_size = 1;
        auto data = out_.region.data(&args, sizeof args);
        out_.region.point(data, offsetof(clone_args, set_tid), pid);
        p.clone3(data, sizeof args, ids_[child], b.pid, cat("pid ", b.pid));
    }
}

// What a thread has apart from those who clone it. Returns whether there is any of that.
bool Builder::tables_of_thread(const TaskImage &image, size_t i, Program &p)
{
    const task::ThreadTables &own = image.tables[i], &had = image.tables[image.thread_cloners[i]];
    if (own == had)
        return false;
    pid_t tid = static_cast<pid_t>(image.tree.threads(static_cast<int>(i)));
    if (own.files != had.files)
        p.sys(kCloseRange, {0, ~0u, 0});
    OpId opener = p.sys(kPidfdOpen, {surroundings_.opener, 0}, On::Fail, "opener");
    task::Build build(out_.region, p, image.pid(), tid, opener);
    if (own.fs != had.fs)
        files::arm_fs(files_, tid, build, true);
    if (own.files == had.files) {
        build.close(opener);
        return true;
    }
    p.sys(SYS_close, {files::arm_table(files_, tid, build)}, On::Fail, "opener");
    files::arm_locks(files_, tid, build);
    return true;
}

// Threads are cloned by the leader, but for those who share with another thread what they do not with it.
void Builder::clone_threads(size_t task, Program &p, WordId creds_done, const CommonFilters &common)
{
    const TaskImage &image = images_.tasks[task];
    size_t count = image.threads.size();
    std::vector<std::unique_ptr<Program>> threads(count);
    std::vector<ProgramId> ids(count);
    WordId tables_there = out_.region.word();
    uint32_t apart = 0;
    for (size_t i = 1; i < count; i++) {
        pid_t tid = static_cast<pid_t>(image.tree.threads(static_cast<int>(i)));
        threads[i] = std::make_unique<Program>(cat("pid ", image.pid(), ", thread ", tid));
        threads[i]->on_failure(out_.failure);
        if (tables_of_thread(image, i, *threads[i])) {
            threads[i]->add(tables_there, 1);
            apart++;
        }
        ids[i] = out_.region.reserve();
        out_.by_pid[tid] = ids[i];
        clone_thread(image, i, ids[i], image.thread_cloners[i] ? *threads[image.thread_cloners[i]] : p);
    }
    for (size_t i = 1; i < count; i++) {
        pid_t tid = static_cast<pid_t>(image.tree.threads(static_cast<int>(i)));
        task::Build build(out_.region, *threads[i], image.pid(), tid, OpId{});
        thread_work(image.threads[i], common, build);
        threads[i]->add(creds_done, 1, static_cast<uint32_t>(count - 1));
        finish(*threads[i]);
        out_.region.define(ids[i], std::move(threads[i]));
    }
    if (apart) // before a limit of descriptors
        p.wait(tables_there, apart);
}

void Builder::clone_thread(const TaskImage &image, size_t i, ProgramId id, Program &cloner)
{
    const task::ThreadTables &own = image.tables[i], &theirs = image.tables[image.thread_cloners[i]];
    pid_t tid = static_cast<pid_t>(image.tree.threads(static_cast<int>(i)));
    clone_args args{};
    args.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    if (own.files == theirs.files)
        args.flags |= CLONE_FILES;
    if (own.fs == theirs.fs)
        args.flags |= CLONE_FS;
    auto tid_data = out_.region.data(&tid, sizeof tid);
    args.set_tid_size = 1;
    auto data = out_.region.data(&args, sizeof args);
    out_.region.point(data, offsetof(clone_args, set_tid), tid_data);
    cloner.clone3(data, sizeof args, id, tid, cat("thread ", tid));
}

void Builder::thread_work(const img::core_entry &core, const CommonFilters &common, task::Build &build)
{
    task::arm(core, false, task::Phase::Thread, host_, build);
    enter_seccomp(core, common, build);
    for (task::Phase phase : {task::Phase::Creds, task::Phase::Last})
        task::arm(core, false, phase, host_, build);
}

Builder::CommonFilters Builder::common_filters(const TaskImage &task)
{
    std::vector<std::vector<uint32_t>> chains;
    for (const img::core_entry &core : task.threads)
        chains.push_back(task::chain_of(core, images_.filters));
    return {task::common_part(chains), chains.size() > 1, out_.region.word()};
}

// Still privileged, and not held to it before the tracer lets go. Programs make many calls after this.
void Builder::enter_seccomp(const img::core_entry &core, const CommonFilters &common, task::Build &build)
{
    if (!task::has_seccomp(core))
        return;
    Program &p = build.program;
    bool leader = build.pid == build.tgid;
    out_.filtered.emplace_back(build.pid, build.tgid);
    p.add(out_.at_filters, 1, out_.filtered_target);
    p.wait(out_.filters_suspended, 1);
    std::vector<uint32_t> chain = task::chain_of(core, images_.filters);
    if (common.count && leader) {
        task::install(chain, 0, common.count, common.for_all, images_.filters, build);
        p.add(common.installed, 1, 1);
    } else if (common.count) {
        p.wait(common.installed, 1);
    }
    task::install(chain, common.count, chain.size(), false, images_.filters, build);
    if (core.thread_core().seccomp_mode() == img::strict)
        task::enter_strict(build);
}

// Dead children are there when wait(2) can see them; then no SIGCHLD of the restore's own is left in the
// queue.
void Builder::reap(size_t birth, Program &p)
{
    bool any = false;
    for (size_t i = 1; i < births_.births.size(); i++) {
        const Birth &b = births_.births[i];
        if (b.parent != birth || b.role == Birth::Role::Task)
            continue;
        any = true;
        if (b.role == Birth::Role::Intermediate)
            continue; // adopt() has
        if (b.role == Birth::Role::Zombie)
            p.sys(SYS_waitid, {P_PID, b.pid, 0, WEXITED | WNOWAIT | __WALL, 0}, On::Fail,
                  cat("zombie ", b.pid));
        else
            p.sys(SYS_wait4, {b.pid, 0, __WALL, 0}, On::Fail, cat("helper ", b.pid));
    }
    if (!any)
        return;
    uint64_t chld = 1ull << (SIGCHLD - 1);
    timespec none{};
    p.sys(SYS_rt_sigtimedwait, {out_.region.data(&chld, 8), 0, out_.region.data(&none, sizeof none), 8},
          On::Ignore);
}

// The work is done: say so, and sleep until the tracer takes over.
void Builder::finish(Program &p)
{
    p.add(out_.ready, 1, out_.ready_target);
    WordId never = out_.region.word();
    p.wait(never, 1);
}

// The root is cloned by the coordinator: it waits until it is traced, and gives up what it has inherited.
OpId Builder::settle_root(Program &p)
{
    auto byte = out_.region.space(8);
    p.sys(SYS_close, {surroundings_.gate_write});
    // End of file: the coordinator died before it traced us.
    p.sys_expect(SYS_read, {surroundings_.gate_read, byte, 1}, 1, "start");
    p.sys(kCloseRange, {0, ~0u, 0});
    return p.sys(kPidfdOpen, {surroundings_.opener, 0}, On::Fail, "opener");
}

mm::Sources Builder::sources() const
{
    mm::Sources out;
    out.file = [this](uint32_t id) { return files_.opener_fd(id); };
    out.shared = [this](uint64_t id) {
        for (size_t i = 0; i < memory_.shared.size(); i++)
            if (memory_.shared[i].id == id)
                return memory_.first_shared + static_cast<int>(i);
        bad_image(cat("shared memory ", id, " is mapped but not known"));
    };
    out.images = surroundings_.images;
    return out;
}

// The tracer sees the stop, fills the memory, and lets the task go on.
void Builder::wait_for_fill(task::Build &build)
{
    build.program.sys(SYS_tgkill, {build.tgid, build.pid, SIGSTOP});
}

void Builder::early_memory(size_t birth, const mm::TaskPlan &memory, task::Build &build)
{
    if (const mm::TaskPlan *cloner = memory_.cloner_of(images_, births_, birth))
        mm::begin_from_cloner(build, memory, *cloner, memory_.frame, memory_.vdso, sources());
    else
        mm::begin_first(build, memory, memory_.frame, memory_.vdso, sources());
    mm::map_early(build, memory, sources());
    if (memory.early.outside)
        wait_for_fill(build);
    mm::protect_early(build, memory);
}

// A descriptor for the opener, in a table with nothing but that or, where the table is another's, such as it
// needs for itself.
OpId Builder::own_opener(size_t birth, Program &p)
{
    if (birth == 0)
        return settle_root(p);
    if (makes(birth, task::Shared::Files))
        p.sys(kCloseRange, {0, ~0u, 0});
    return p.sys(kPidfdOpen, {surroundings_.opener, 0}, On::Fail, "opener");
}

// The rest of the memory: children of those who share it have been cloned and have nothing of it.
void Builder::memory(size_t birth, task::Build &build)
{
    if (!makes(birth, task::Shared::Vm))
        return;
    const mm::TaskPlan &memory = memory_.plan_of(images_, births_.births[birth].task);
    await(birth, task::Shared::Vm, &Words::cloned, build.program);
    mm::map_late(build, memory, sources());
    if (memory.late.outside)
        wait_for_fill(build);
    mm::finish(build, memory);
}

// The group that has the terminal, once it is there. One that has no member any more has none.
void Builder::foreground(size_t birth, task::Build &build)
{
    const Birth &b = births_.births[birth];
    pid_t group = b.leads_session ? files::foreground_group(files_, b.pid) : 0;
    auto leader = birth_of_.find(group);
    if (!group || leader == birth_of_.end() || !births_.births[leader->second].leads_group)
        return;
    build.program.wait(words_[leader->second].group_there, 1);
    files::arm_foreground(files_, b.pid, build);
}

// Directories and descriptors, each made by one when the others need nothing of that sort any more: files are
// opened for the memory, and numbers must come out as planned.
void Builder::files_of(size_t birth, task::Build &build)
{
    Program &p = build.program;
    size_t task = births_.births[birth].task;
    foreground(birth, build);
    tell(birth, task::Shared::Fs, &Words::memory_there, p);
    await(birth, task::Shared::Fs, &Words::memory_there, p);
    if (makes(birth, task::Shared::Fs))
        files::arm_fs(files_, build.tgid, build);
    if (makes(birth, task::Shared::Files)) {
        await(birth, task::Shared::Files, &Words::descriptors_closed, p);
        p.sys(SYS_close, {files::arm_table(files_, build.tgid, build)}, On::Fail, "opener");
        // Locks are in the images under the first of those who share the table.
        files::arm_locks(files_, images_.tasks[images_.owner_of(task, task::Shared::Files)].pid(), build);
    } else {
        build.close(build.opener());
        tell(birth, task::Shared::Files, &Words::descriptors_closed, p);
    }
}

void Builder::build_task(size_t birth)
{
    const Birth &b = births_.births[birth];
    const TaskImage &image = images_.tasks[b.task];
    auto owned = start(birth);
    Program &p = *owned;
    task::Build build(out_.region, p, image.pid(), image.pid(), own_opener(birth, p));
    task::arm(image.leader(), true, task::Phase::Early, host_, build);
    if (makes(birth, task::Shared::Vm))
        early_memory(birth, memory_.plan_of(images_, b.task), build);
    beget(birth, p, &build);
    memory(birth, build);
    files_of(birth, build);
    WordId creds_done = out_.region.word();
    CommonFilters common = common_filters(image);
    clone_threads(b.task, p, creds_done, common);
    reap(birth, p);
    tell(birth, task::Shared::Sighand, &Words::reaped, p);
    await(birth, task::Shared::Sighand, &Words::reaped, p);
    build.makes_signal_actions = makes(birth, task::Shared::Sighand);
    task::arm(image.leader(), true, task::Phase::Process, host_, build);
    task::arm(image.leader(), true, task::Phase::Thread, host_, build);
    enter_seccomp(image.leader(), common, build);
    task::arm(image.leader(), true, task::Phase::Creds, host_, build);
    if (image.threads.size() > 1)
        p.wait(creds_done, static_cast<uint32_t>(image.threads.size() - 1));
    tell(birth, task::Shared::Vm, &Words::privileges_gone, p);
    await(birth, task::Shared::Vm, &Words::privileges_gone, p);
    // A change of credentials resets it.
    const img::mm_entry &space = images_.space_of(b.task);
    if (makes(birth, task::Shared::Vm) && space.has_dumpable() && space.dumpable() < 2)
        p.sys(SYS_prctl, {PR_SET_DUMPABLE, space.dumpable(), 0, 0, 0}, On::Fail, "dumpable");
    task::arm(image.leader(), true, task::Phase::Last, host_, build);
    finish(p);
    out_.region.define(ids_[birth], std::move(owned));
}

// A process that is dead: ends as it did, by exit or by a signal, without a core file.
void Builder::build_zombie(size_t birth)
{
    const Birth &b = births_.births[birth];
    auto owned = start(birth);
    Program &p = *owned;
    beget(birth, p);
    if (b.joiners)
        p.wait(words_[birth].group_joined, b.joiners);
    reap(birth, p);
    std::string name = images_.tasks[b.task].leader().tc().comm();
    name.resize(16);
    p.sys(SYS_prctl, {PR_SET_NAME, out_.region.data(name.data(), 16), 0, 0, 0}, On::Ignore);
    const img::task_core_entry &tc = images_.tasks[b.task].leader().tc();
    int status = static_cast<int>(tc.exit_code());
    uint64_t mask = tc.blk_sigset();
    if (WIFSIGNALED(status)) {
        mask &= ~(1ull << (WTERMSIG(status) - 1));
        p.sys(SYS_prctl, {PR_SET_DUMPABLE, 0, 0, 0, 0}); // no core file
        p.sys(SYS_kill, {b.pid, WTERMSIG(status)});      // comes with the mask
    }
    p.sys(SYS_rt_sigprocmask, {SIG_SETMASK, out_.region.data(&mask, 8), 0, 8});
    p.sys(SYS_exit_group, {WEXITSTATUS(status)});
    out_.region.define(ids_[birth], std::move(owned));
}

void Builder::build_helper(size_t birth)
{
    const Birth &b = births_.births[birth];
    auto owned = start(birth);
    Program &p = *owned;
    beget(birth, p);
    if (b.joiners)
        p.wait(words_[birth].group_joined, b.joiners);
    p.sys(SYS_exit_group, {0});
    out_.region.define(ids_[birth], std::move(owned));
}

void Builder::build_intermediate(size_t birth)
{
    auto owned = start(birth);
    clone(births_.births[birth].after_setsid, *owned);
    for (size_t i = 0; i < births_.adoptions.size(); i++)
        if (births_.adoptions[i].intermediate == birth)
            owned->wait(adoptions_[i].go, 1);
    owned->sys(SYS_exit_group, {0});
    out_.region.define(ids_[birth], std::move(owned));
}

void Builder::build()
{
    auto failure = std::make_unique<Program>("failure");
    failure->sys(SYS_exit_group, {1}, On::Ignore);
    out_.failure = out_.region.add(std::move(failure));
    out_.ready = out_.region.word();
    out_.stops_slot = out_.region.space(kSlotForStops);
    out_.at_filters = out_.region.word();
    out_.filters_suspended = out_.region.word();
    for (const TaskImage &task : images_.tasks)
        if (!task.zombie()) {
            for (size_t i = 0; i < task.threads.size(); i++)
                if (task.threads[i].thread_core().has_cr_call_left())
                    out_.call_slots[static_cast<pid_t>(task.tree.threads(static_cast<int>(i)))] =
                        out_.region.space(sizeof(timespec));
            out_.ready_target += static_cast<uint32_t>(task.threads.size());
            out_.filtered_target += static_cast<uint32_t>(
                std::count_if(task.threads.begin(), task.threads.end(), task::has_seccomp));
        }
    make_words();
    out_.root = ids_[0];
    for (size_t i = 0; i < births_.births.size(); i++) {
        switch (births_.births[i].role) {
        case Birth::Role::Task:
            build_task(i);
            break;
        case Birth::Role::Zombie:
            build_zombie(i);
            break;
        case Birth::Role::Intermediate:
            build_intermediate(i);
            break;
        default:
            build_helper(i);
        }
    }
}

} // namespace

void build_programs(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files,
                    const MemoryPlan &memory, const task::Host &host, const Surroundings &surroundings,
                    Programs &out)
{
    Builder(images, births, files, memory, host, surroundings, out).build();
}

} // namespace cr::restore
