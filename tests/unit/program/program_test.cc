// Programs run for real: in a child born straight into the region, and in the same region's bytes afterwards.
#include "libcr/program/enter.h"
#include "libcr/program/player.h"
#include "libcr/program/print.h"
#include "libcr/program/program.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace cr;
using namespace cr::program;

namespace
{

// A region mapped shared, so that what programs leave in it is seen here.
struct Mapped {
    explicit Mapped(const Region &region) : size(region.size())
    {
        bytes = static_cast<uint8_t *>(
            mmap(nullptr, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        REQUIRE(bytes != MAP_FAILED);
        auto linked = region.link(base());
        REQUIRE(linked.size() == size);
        memcpy(bytes, linked.data(), size);
    }
    ~Mapped() { munmap(bytes, size); }
    TargetAddr base() const { return TargetAddr(reinterpret_cast<uint64_t>(bytes)); }
    int64_t at(uint64_t offset) const
    {
        int64_t v;
        memcpy(&v, bytes + offset, 8);
        return v;
    }

    uint64_t size;
    uint8_t *bytes;
};

// Runs `main` in a child until it ends; its wait status.
int run(const Mapped &m, const Region &region, ProgramId main, ProgramId on_failure)
{
    clone_args args{};
    args.exit_signal = SIGCHLD;
    long pid = clone_into(args, {m.base(), m.base() + region.offset_of(main),
                                 m.base() + region.fail_record_offset(main),
                                 m.base() + region.offset_of(on_failure)});
    REQUIRE(pid > 0);
    int status = 0;
    REQUIRE(waitpid(static_cast<pid_t>(pid), &status, __WALL) == pid);
    return status;
}

ProgramId exit_program(Region &region, int code)
{
    auto p = std::make_unique<Program>("exit");
    p->sys(SYS_exit_group, {code}, On::Ignore);
    return region.add(std::move(p));
}

} // namespace

TEST_CASE("a program's calls get their arguments, and results go where they are needed")
{
    Region region;
    auto fail = exit_program(region, 99);
    auto done = exit_program(region, 7);
    auto text = region.data("hello", 6);
    auto out = region.space(32);
    auto path = region.data("player", 7);
    auto p = std::make_unique<Program>("pid 1");
    auto pid = p->sys(SYS_getpid, {});
    auto fd = p->sys(SYS_memfd_create, {path, MFD_CLOEXEC}); // needed by three calls
    auto wrote = p->sys(SYS_pwrite64, {fd, text, 6, 100});
    p->sys_expect(SYS_pread64, {fd, out, 6, 100}, 6);
    auto dup = p->sys(SYS_dup, {fd}); // needed by one
    auto closed = p->sys(SYS_close, {dup});
    auto bad = p->sys(SYS_close, {-1}, On::Ignore);
    p->store(Value(out, 16), pid);
    p->sys_repeat(SYS_pwrite64, {fd, text, 1, 0}, 4, {0, 1, 0, 2});
    auto last = p->sys(SYS_pread64, {fd, Value(out, 24), 8, 0});
    p->jump(done);
    auto main = region.add(std::move(p));

    Mapped m(region);
    int status = run(m, region, main, fail);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 7);
    REQUIRE(region.failures(m.bytes, m.base()).empty());
    REQUIRE(m.at(region.result_offset(main, pid)) > 0);
    REQUIRE(m.at(region.offset_of(out) + 16) == m.at(region.result_offset(main, pid)));
    REQUIRE(m.at(region.result_offset(main, wrote)) == 6);
    REQUIRE(m.at(region.result_offset(main, closed)) == 0);
    REQUIRE(m.at(region.result_offset(main, bad)) == -EBADF);
    REQUIRE(m.at(region.result_offset(main, last)) == 8);
    REQUIRE(m.at(region.result_offset(main, dup)) == m.at(region.result_offset(main, fd)) + 1);
    REQUIRE(strcmp(reinterpret_cast<char *>(m.bytes) + region.offset_of(out), "hello") == 0);
    REQUIRE(memcmp(m.bytes + region.offset_of(out) + 24, "h\0e\0l\0l", 8) == 0);
}

TEST_CASE("the first failure ends a program, and says where")
{
    Region region;
    auto fail = exit_program(region, 3);
    auto p = std::make_unique<Program>("pid 42");
    p->on_failure(fail);
    auto path = region.data("/no/such", 9);
    p->sys(SYS_openat, {AT_FDCWD, path, O_RDONLY | O_CLOEXEC}, On::Fail, "fd 5");
    p->sys(SYS_exit_group, {0});
    auto main = region.add(std::move(p));
    auto q = std::make_unique<Program>("pid 43");
    q->on_failure(fail);
    q->sys_expect(SYS_getppid, {}, 1234567, "parent");
    auto other = region.add(std::move(q));

    Mapped m(region);
    REQUIRE(WEXITSTATUS(run(m, region, main, other)) == 3);
    auto failures = region.failures(m.bytes, m.base());
    REQUIRE(failures.size() == 1);
    REQUIRE(failures[0].program_name == "pid 42");
    REQUIRE(failures[0].subject == "fd 5");
    REQUIRE(failures[0].err == ENOENT);
    REQUIRE(failures[0].operation == "openat(AT_FDCWD, \"/no/such\", O_CLOEXEC)");

    REQUIRE(WEXITSTATUS(run(m, region, other, other)) == 3);
    failures = region.failures(m.bytes, m.base());
    REQUIRE(failures.size() == 2);
    REQUIRE(failures[1].err == 0);
    REQUIRE(failures[1].result == getpid());
}

TEST_CASE("programs clone children and threads without a stack, and wait for each other")
{
    Region region;
    auto fail = exit_program(region, 99);
    auto word = region.word();
    auto t = std::make_unique<Program>("thread");
    auto tid = t->sys(SYS_gettid, {});
    t->add(word, 1);
    t->sys(SYS_exit, {0});
    auto thread = region.add(std::move(t));
    auto c = std::make_unique<Program>("child");
    c->add(word, 2);
    c->sys(SYS_exit_group, {5});
    auto child = region.add(std::move(c));

    clone_args thread_args{}, child_args{};
    thread_args.flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM;
    child_args.exit_signal = SIGCHLD;
    auto targs = region.data(&thread_args, sizeof thread_args);
    auto cargs = region.data(&child_args, sizeof child_args);
    auto p = std::make_unique<Program>("main");
    p->on_failure(fail);
    p->wait(word, 3);
    p->sys(SYS_exit_group, {8});
    auto main = region.add(std::move(p));
    // The pids are not known before, so each clone "fails", and its failure leads on.
    auto second = std::make_unique<Program>("starter of the thread");
    second->on_failure(main);
    second->clone3(targs, sizeof thread_args, thread, 0);
    auto start = region.add(std::move(second));
    auto first = std::make_unique<Program>("starter of the child");
    first->on_failure(start);
    first->clone3(cargs, sizeof child_args, child, 0);
    auto start2 = region.add(std::move(first));

    Mapped m(region);
    REQUIRE(WEXITSTATUS(run(m, region, start2, fail)) == 8);
    REQUIRE(m.at(region.result_offset(thread, tid)) > 0);
}

TEST_CASE("the player is small, and programs print like system calls")
{
    REQUIRE(player_code().size() < 400);
    Region region;
    auto p = std::make_unique<Program>("pid 42");
    auto fd = p->sys(SYS_openat, {AT_FDCWD, region.data("/lib/x.so", 10), O_RDWR});
    p->sys_expect(SYS_mmap,
                  {0x7f0000000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0x1000},
                  0x7f0000000000, "/lib/x.so");
    p->sys(SYS_close, {fd});
    auto id = region.add(std::move(p));
    REQUIRE(print(region, id) ==
            "  #0  openat(AT_FDCWD, \"/lib/x.so\", O_RDWR)\n"
            "  #1  mmap(0x7f0000000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, #0, 0x1000)"
            " = 0x7f0000000000  # /lib/x.so\n"
            "  #2  close(#0)\n");
}
