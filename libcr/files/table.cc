#include "libcr/files/table.h"

#include "libcr/base/text.h"
#include "libcr/files/eventpoll.h"
#include "libcr/files/kinds.h"

#include <fcntl.h>

namespace cr::files
{

namespace
{

struct Wanted {
    int fd;
    int from; // the opener's number
    bool close_on_exec;
    const img::file_entry *file;
};
using Run = std::vector<Wanted>; // neighbouring numbers

std::vector<Run> runs_of(const Plan &plan, pid_t pid)
{
    std::vector<Run> runs;
    for (const img::fdinfo_entry &entry : plan.table(pid)) {
        const img::file_entry &file = plan.get(entry.type(), entry.id());
        Wanted wanted{static_cast<int>(entry.fd()), plan.number(file), (entry.flags() & FD_CLOEXEC) != 0,
                      &file};
        if (runs.empty() || runs.back().back().fd + 1 != wanted.fd)
            runs.emplace_back();
        runs.back().push_back(wanted);
    }
    return runs;
}

// Calls work(first, count) for each stretch of the run in which neighbours belong together.
template <class Together, class Work>
void for_stretches(const Run &run, const Together &together, const Work &work)
{
    for (size_t i = 0; i < run.size();) {
        size_t end = i + 1;
        while (end < run.size() && together(run[end - 1], run[end]))
            end++;
        work(run[i], end - i);
        i = end;
    }
}

std::string subject_of(const Wanted &first, size_t count)
{
    if (count == 1)
        return cat("fd ", first.fd, " (", describe(*first.file), ")");
    return cat("fds ", first.fd, " to ", first.fd + static_cast<int>(count) - 1, " (", describe(*first.file),
               " ...)");
}

class Table
{
  public:
    Table(task::Build &build, program::OpId opener) : program_(build.program), opener_(opener) {}

    // Every copy comes out where it shall be.
    void fetch_run(const Run &run)
    {
        auto together = [](auto &a, auto &b) { return a.from + 1 == b.from; };
        for_stretches(run, together, [&](const Wanted &first, size_t count) {
            std::string subject = subject_of(first, count);
            if (count == 1)
                program_.sys_expect(SYS_pidfd_getfd, {opener_, first.from, 0}, first.fd, subject);
            else
                program_.sys_repeat(SYS_pidfd_getfd, {opener_, first.from, 0}, count, {0, 1, 0},
                                    program::On::Fail, subject);
        });
        keep_on_exec(run);
    }

    // Every copy comes out at `lowest` and is moved.
    void fetch_and_move(const Run &run, int lowest)
    {
        for (const Wanted &wanted : run) {
            std::string subject = subject_of(wanted, 1);
            program_.sys_expect(SYS_pidfd_getfd, {opener_, wanted.from, 0}, lowest, subject);
            program_.sys(SYS_dup3, {lowest, wanted.fd, wanted.close_on_exec ? O_CLOEXEC : 0},
                         program::On::Fail, subject);
            program_.sys(SYS_close, {lowest});
        }
    }

    void stuff(int first, int count)
    {
        program_.sys_repeat(SYS_fcntl, {opener_, F_DUPFD_CLOEXEC, first}, static_cast<uint64_t>(count),
                            {0, 0, 0});
    }

  private:
    void keep_on_exec(const Run &run)
    {
        Run kept;
        for (const Wanted &wanted : run)
            if (!wanted.close_on_exec)
                kept.push_back(wanted);
        auto together = [](auto &a, auto &b) { return a.fd + 1 == b.fd; };
        for_stretches(kept, together, [&](const Wanted &first, size_t count) {
            std::string subject = subject_of(first, count);
            program_.sys_repeat(SYS_fcntl, {first.fd, F_SETFD, 0}, count, {1, 0, 0}, program::On::Fail,
                                subject);
        });
    }

    program::Program &program_;
    program::OpId opener_;
};

} // namespace

program::OpId arm_table(const Plan &plan, pid_t pid, task::Build &build)
{
    using Gaps = std::vector<std::pair<int, int>>;
    auto total = [](const Gaps &gaps) {
        int sum = 0;
        for (auto [first, last] : gaps)
            sum += last - first + 1;
        return sum;
    };
    std::vector<Run> runs = runs_of(plan, pid);
    int above = runs.empty() ? 0 : runs.back().back().fd + 1;
    program::OpId opener = build.program.sys(SYS_fcntl, {build.opener(), F_DUPFD_CLOEXEC, above});
    build.close(build.opener());

    Table table(build, opener);
    Gaps gaps, stuffed; // free numbers below the current run; those of them that were stuffed
    int next = 0;
    for (const Run &run : runs) {
        if (run.front().fd > next)
            gaps.emplace_back(next, run.front().fd - 1);
        next = run.back().fd + 1;
        if (2 * run.size() < static_cast<size_t>(total(gaps))) {
            table.fetch_and_move(run, gaps.front().first);
            continue;
        }
        if (!gaps.empty())
            table.stuff(gaps.front().first, total(gaps));
        stuffed.insert(stuffed.end(), gaps.begin(), gaps.end());
        gaps.clear();
        table.fetch_run(run);
    }
    for (auto [first, last] : stuffed)
        build.program.sys(SYS_close_range, {first, last, 0});

    for (const Run &run : runs)
        for (const Wanted &wanted : run)
            // Set by the task itself: the kernel notes the number for the signal's si_fd.
            if (uint32_t flags = kind_of(wanted.file->type())->common(*wanted.file, plan).flags;
                flags & O_ASYNC)
                build.program.sys(SYS_fcntl, {wanted.fd, F_SETFL, flags}, program::On::Fail,
                                  subject_of(wanted, 1));
    arm_signal_watches(plan, pid, opener, build);
    return opener;
}

void arm_fs(const Plan &plan, pid_t pid, task::Build &build, bool begins_elsewhere)
{
    const img::fs_entry &fs = plan.fs(pid);
    const std::string &root = plan.file_name(fs.root_id()), &cwd = plan.file_name(fs.cwd_id());
    if (root != "/" || begins_elsewhere) {
        program::OpId fd = build.fetch(plan.opener_fd(fs.root_id()), cat("root directory ", printable(root)));
        build.program.sys(SYS_fchdir, {fd}, program::On::Fail, cat("root directory ", printable(root)));
        build.close(fd);
        program::DataId here = build.region.data(".", 2);
        build.program.sys(SYS_chroot, {here}, program::On::Fail, cat("root directory ", printable(root)));
    }
    program::OpId fd = build.fetch(plan.opener_fd(fs.cwd_id()), cat("working directory ", printable(cwd)));
    build.program.sys(SYS_fchdir, {fd}, program::On::Fail, cat("working directory ", printable(cwd)));
    build.close(fd);
    if (fs.has_umask())
        build.program.sys(SYS_umask, {fs.umask()});
}

} // namespace cr::files
