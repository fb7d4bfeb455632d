// Programs of threads: their tables where they left those of the process, their state, and seccomp, which
// concerns all threads of a process together.
#include "libcr/restore/program_builder.h"

#include "libcr/base/text.h"
#include "libcr/files/locks.h"
#include "libcr/files/table.h"
#include "libcr/task/seccomp.h"

namespace cr::restore
{

using program::On;
using program::OpId;
using program::Program;
using program::ProgramId;
using program::WordId;
using task::Birth;

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
    if (files_.has_late())
        p.wait(out_.late_there, 1);
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

} // namespace cr::restore
