// Open files from a task through images into another task, for real: a child sets descriptors up and stops,
// is captured, and a program in a process born for it builds the same table from an opener.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/table.h"
#include "libcr/files/tree.h"
#include "libcr/proc/fdinfo.h"
#include "libcr/program/enter.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::test
{

// A process of this test, killed and reaped at the end.
class Child
{
  public:
    Child() = default;
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(Child &&other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    Child &operator=(Child &&other) noexcept
    {
        std::swap(pid_, other.pid_);
        return *this;
    }
    ~Child()
    {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, __WALL);
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = 0;
};

// Runs `setup` in a child whose descriptors are only what it makes, which then stops.
inline Child stopped_child(const std::function<void()> &setup)
{
    pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close_range(0, ~0U, 0);
        setup();
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    Child child(pid);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, WUNTRACED) == pid);
    REQUIRE(WIFSTOPPED(status));
    return child;
}

inline void dump(const Child &child, const image::Dir &images, files::DumpOptions options = {})
{
    files::Tree tree(options, images);
    tree.add(child.pid(), child.pid(), 1);
    tree.capture();
    tree.write();
}

// A process in which the opener ran; it waits to be killed.
inline Child run_opener(const files::Plan &plan)
{
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::string result = "ok";
        try {
            files::Opener opener(plan);
            opener.open_all();
            opener.after_tasks();
        } catch (const Error &e) {
            result = e.what();
        }
        [[maybe_unused]] auto n = ::write(ready[1], result.data(), result.size());
        ::close(ready[0]);
        ::close(ready[1]);
        for (;;)
            ::pause();
    }
    Child child(pid);
    ::close(ready[1]);
    char text[1000];
    ssize_t n = ::read(ready[0], text, sizeof text);
    ::close(ready[0]);
    REQUIRE(std::string(text, n > 0 ? static_cast<size_t>(n) : 0) == "ok");
    return child;
}

// A process with the table and directories of `pid` in the plan.
inline Child run_table(const files::Plan &plan, pid_t pid, const Child &opener)
{
    using namespace program;
    Region region;
    auto bad = std::make_unique<Program>("failed");
    bad->sys(SYS_exit_group, {99}, On::Ignore);
    ProgramId failed = region.add(std::move(bad));
    WordId done = region.word();
    auto task = std::make_unique<Program>("task");
    task->sys(SYS_close_range, {0, ~0U, 0});
    OpId pidfd = task->sys(SYS_pidfd_open, {opener.pid(), 0});
    task::Build build(region, *task, pid, pid, pidfd);
    files::arm_fs(plan, pid, build);
    OpId moved = files::arm_table(plan, pid, build);
    build.close(moved);
    task->add(done, 1);
    task->sys(SYS_pause, {});
    ProgramId main = region.add(std::move(task));

    auto *bytes = static_cast<uint8_t *>(::mmap(nullptr, region.size(), PROT_READ | PROT_WRITE | PROT_EXEC,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    TargetAddr base(reinterpret_cast<uint64_t>(bytes));
    auto linked = region.link(base);
    std::copy(linked.begin(), linked.end(), bytes);
    clone_args args{};
    args.exit_signal = SIGCHLD;
    long child = clone_into(args, {base, base + region.offset_of(main),
                                   base + region.fail_record_offset(main), base + region.offset_of(failed)});
    REQUIRE(child > 0);
    Child out(static_cast<pid_t>(child));
    auto *word = reinterpret_cast<volatile uint32_t *>(bytes + region.offset_of(done));
    int status = 0;
    while (!*word && ::waitpid(out.pid(), &status, WNOHANG) == 0)
        ::usleep(500);
    for (const Failure &failure : region.failures(bytes, base))
        FAIL(failure.operation << " " << failure.subject << ": " << failure.err << " " << failure.result);
    REQUIRE(*word);
    ::munmap(bytes, region.size());
    return out;
}

struct Restored {
    TempDir dir;
    std::unique_ptr<image::Dir> images;
    std::unique_ptr<files::Plan> plan;
    Child opener, task;
};

// The descriptors of `from`, dumped and restored.
inline std::unique_ptr<Restored> round_trip(const Child &from, files::DumpOptions dump_options = {},
                                            files::RestoreOptions restore_options = {})
{
    auto out = std::make_unique<Restored>();
    out->images = std::make_unique<image::Dir>(image::Dir::open(out->dir.path()));
    dump(from, *out->images, dump_options);
    out->plan = std::make_unique<files::Plan>(*out->images, std::vector<files::TaskTable>{{from.pid(), 1}},
                                              restore_options);
    out->opener = run_opener(*out->plan);
    out->task = run_table(*out->plan, from.pid(), out->opener);
    return out;
}

// A copy of a task's descriptor.
inline Fd copy_of(const Child &task, int fd)
{
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, task.pid(), 0)));
    return Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0)));
}

// "fd link flags pos" for each descriptor, pipes without their numbers.
inline std::vector<std::string> table_of(const Child &task)
{
    std::vector<std::string> out;
    files::TaskFiles files(task.pid());
    for (int fd : files.candidates()) {
        auto found = files.all_facts(fd);
        if (!found)
            continue;
        files::Facts &facts = *found;
        std::string link = facts.link.starts_with("pipe:") ? "pipe" : facts.link;
        out.push_back(cat(fd, " ", link, " 0x", hex(facts.info.flags), " ", facts.info.pos));
    }
    return out;
}

} // namespace cr::test
