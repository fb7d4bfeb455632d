#include "libcr/restore/program_builder.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/locks.h"
#include "libcr/files/session_tty.h"
#include "libcr/files/table.h"
#include "libcr/restore/stops.h"
#include "libcr/task/seccomp.h"

#include <algorithm>
#include <csignal>
#include <sys/prctl.h>

namespace cr::restore
{

using program::On;
using program::OpId;
using program::Program;
using program::ProgramId;
using program::WordId;
using task::Birth;

std::unique_ptr<Program> Builder::start(size_t birth)
{
    auto p = std::make_unique<Program>(cat("pid ", births_.births[birth].pid));
    p->on_failure(out_.failure);
    return p;
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
    out.segment = [this](uint64_t id) { return memory_.segments.at(static_cast<uint32_t>(id)).size(); };
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
        mm::begin_from_cloner(build, memory, *cloner, memory_.frame, sources());
    else
        mm::begin_first(build, memory, memory_.frame, memory_.vdsos.native, sources());
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
    if (files_.has_late()) // a directory may be one of a process, /proc/PID
        p.wait(out_.late_there, 1);
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
    WordId creds_done = out_.region.word();
    CommonFilters common = common_filters(image);
    bool threads_first = files_.has_of_threads();
    if (files_.has_late() && !threads_first)
        p.add(out_.born, 1, out_.born_target);
    memory(birth, build);
    if (threads_first) {
        clone_threads(b.task, p, creds_done, common);
        p.add(out_.born, 1, out_.born_target);
    }
    files_of(birth, build);
    if (!threads_first)
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

void Builder::build()
{
    auto failure = std::make_unique<Program>("failure");
    failure->sys(SYS_exit_group, {1}, On::Ignore);
    out_.failure = out_.region.add(std::move(failure));
    out_.ready = out_.region.word();
    out_.stops_slot = out_.region.space(kSlotForStops);
    out_.at_filters = out_.region.word();
    out_.born = out_.region.word();
    out_.late_there = out_.region.word();
    if (files_.has_late())
        for (const Birth &b : births_.births)
            out_.born_target += b.role == Birth::Role::Task;
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

void build_programs(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files,
                    const MemoryPlan &memory, const task::Host &host, const Surroundings &surroundings,
                    Programs &out)
{
    Builder(images, births, files, memory, host, surroundings, out).build();
}

} // namespace cr::restore
