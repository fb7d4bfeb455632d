// Programs: how processes come into being, enter their groups, are adopted, share what they share, and end
// when they are dead ones or helpers.
#include "libcr/restore/program_builder.h"

#include "libcr/base/text.h"
#include "libcr/files/session_tty.h"

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace cr::restore
{

using program::On;
using program::OpId;
using program::Program;
using program::ProgramId;
using program::WordId;
using task::Birth;

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

} // namespace cr::restore
