// Freezing and asking real processes: what is captured, what is refused, and that they are afterwards as
// before.
#include "libcr/base/text.h"
#include "libcr/inject/run.h"
#include "libcr/inject/tree.h"
#include "libcr/sys/vdso.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cr;
using inject::Calls;
using inject::FrozenTask;
using inject::FrozenTree;

namespace
{

// A child that does `work` after which it says ready, and then sleeps; killed at the end.
struct Child {
    explicit Child(
        const std::function<void()> &work, const std::function<void()> &after = [] { pause(); })
    {
        int ready[2];
        REQUIRE(pipe(ready) == 0);
        pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
            [[maybe_unused]] auto n = write(ready[1], "x", 1);
            for (;;)
                after();
        }
        char byte;
        REQUIRE(read(ready[0], &byte, 1) == 1);
        close(ready[0]);
        close(ready[1]);
        until_asleep();
    }
    ~Child()
    {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, __WALL);
    }
    void until_asleep() const
    {
        for (int i = 0; i < 1000 && state() == 'R'; i++)
            usleep(1000);
    }
    char state() const { return inject::stat_of(pid)->state; }
    pid_t tracer() const { return inject::status_of(pid, pid)->tracer; }
    pid_t pid;
};

std::string refusal_of(pid_t pid, int timeout_ms = 300)
{
    inject::FreezeOptions options;
    options.timeout = std::chrono::milliseconds(timeout_ms);
    try {
        FrozenTree tree(pid, options);
    } catch (const Error &e) {
        return e.what();
    }
    return {};
}

void handler(int) {}

} // namespace

TEST_CASE("calls are made inside a stopped process and their answers come back")
{
    static char stack[65536];
    Child child([] {
        stack_t s{};
        s.ss_sp = stack;
        s.ss_size = sizeof stack;
        sigaltstack(&s, nullptr);
        struct sigaction action {
        };
        action.sa_handler = handler;
        action.sa_flags = SA_RESTART | SA_ONSTACK;
        sigaction(SIGUSR1, &action, nullptr);
        itimerval timer{{5, 0}, {7000, 0}};
        setitimer(ITIMER_REAL, &timer, nullptr);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    });
    {
        FrozenTree tree(child.pid);
        REQUIRE(tree.tasks().size() == 1);
        FrozenTask &task = tree.tasks()[0];
        REQUIRE(task.pid == child.pid);
        REQUIRE(task.ppid == getpid());
        REQUIRE(task.threads.size() == 1);
        REQUIRE(task.threads[0].in_syscall());
        REQUIRE(task.threads[0].regs.orig_rax == SYS_pause);
        auto before = task.threads[0].regs;

        inject::Job job{&task, {}};
        Calls &calls = job.threads.emplace_back();
        auto actions = calls.out(64 * 32);
        calls.repeat(SYS_rt_sigaction, {1, 0, actions, 8}, 64, {1, 0, 32, 0});
        auto timer = calls.out(sizeof(itimerval));
        calls.sys(SYS_getitimer, {ITIMER_REAL, timer});
        auto alt = calls.out(sizeof(stack_t));
        calls.sys(SYS_sigaltstack, {0, alt});
        auto reaper = calls.out(4);
        calls.sys(SYS_prctl, {PR_GET_CHILD_SUBREAPER, reaper});
        auto pid = calls.sys_result(SYS_getpid, {});
        auto bad = calls.sys_result(SYS_close, {-1});
        inject::run(job, tree.waiter());

        Calls &got = job.threads[0];
        REQUIRE(got.get<uint64_t>(actions, (SIGUSR1 - 1) * 32) == reinterpret_cast<uint64_t>(handler));
        REQUIRE((got.get<uint64_t>(actions, (SIGUSR1 - 1) * 32 + 8) & 0xffffffff & ~0x04000000) ==
                (SA_RESTART | SA_ONSTACK));
        REQUIRE(got.get<itimerval>(timer).it_value.tv_sec > 6900);
        REQUIRE(got.get<stack_t>(alt).ss_sp == stack);
        REQUIRE(got.get<int>(reaper) == 1);
        REQUIRE(got.result(pid) == child.pid);
        REQUIRE(got.result(bad) == -EBADF);

        // Nothing is left, and it can be asked again; this time with data, so from its own memory.
        user_regs_struct now;
        REQUIRE(sys::ptrace::get_registers(child.pid, now) == 0);
        REQUIRE(memcmp(&now, &before, sizeof now) == 0);
        inject::Job again{&task, {}};
        Calls &more = again.threads.emplace_back();
        auto name = more.data("cr-test", 8);
        auto fd = more.sys_result(SYS_memfd_create, {name, 0});
        inject::run(again, tree.waiter());
        REQUIRE(again.threads[0].result(fd) >= 0);
        REQUIRE(sys::ptrace::get_registers(child.pid, now) == 0);
        REQUIRE(memcmp(&now, &before, sizeof now) == 0);
    }
    REQUIRE(child.tracer() == 0);
    child.until_asleep();
    REQUIRE(child.state() == 'S');
}

TEST_CASE("answers go elsewhere when their usual place is taken")
{
    Child child([] {
        auto at = reinterpret_cast<void *>((getauxval(AT_SYSINFO_EHDR) & ~4095ul) + 0x200000);
        REQUIRE(mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at);
    });
    FrozenTree tree(child.pid);
    inject::Job job{&tree.tasks().at(0), {}};
    auto pid = job.threads.emplace_back().sys_result(SYS_getpid, {});
    inject::run(job, tree.waiter());
    REQUIRE(job.threads[0].result(pid) == child.pid);
}

TEST_CASE("every thread of a process is asked, in waves")
{
    constexpr int kThreads = 21;
    Child child([] {
        for (int i = 0; i < kThreads; i++) {
            pthread_t t;
            pthread_create(
                &t, nullptr,
                [](void *) -> void * {
                    for (;;)
                        pause();
                },
                nullptr);
        }
        usleep(20000);
    });
    FrozenTree tree(child.pid);
    FrozenTask &task = tree.tasks().at(0);
    REQUIRE(task.threads.size() == kThreads + 1);
    REQUIRE(task.threads[0].tid == child.pid);
    inject::Job job{&task, std::vector<Calls>(task.threads.size())};
    std::vector<Calls::Out> tids;
    for (Calls &calls : job.threads)
        tids.push_back(calls.sys_result(SYS_gettid, {}));
    inject::run(job, tree.waiter());
    for (size_t i = 0; i < tids.size(); i++)
        REQUIRE(job.threads[i].result(tids[i]) == task.threads[i].tid);
}

TEST_CASE("lent bytes of the vDSO are put back, also those that a killed capture left")
{
    struct Lent {
        Lent() { setenv("CR_PAD", "lent", 1); }
        ~Lent() { unsetenv("CR_PAD"); }
    } lent;
    auto own = sys::own_vdso();
    auto segments = sys::vdso_extent(own).segments;
    Child child([] {
        pthread_t t;
        pthread_create(
            &t, nullptr,
            [](void *) -> void * {
                for (;;)
                    pause();
            },
            nullptr);
        usleep(20000);
    });
    sys::ProcMem memory(child.pid);
    TargetAddr at(reinterpret_cast<uint64_t>(own.data()));
    auto left = std::vector<uint8_t>(own.size() - segments, 0xcc);
    REQUIRE(memory.write(at + segments, left.data(), left.size()) == static_cast<long>(left.size()));
    FrozenTree tree(child.pid);
    FrozenTask &task = tree.tasks().at(0);
    REQUIRE(task.pad.at < at + sys::vdso_extent(own).whole);
    for (size_t threads : {1, 2}) {
        inject::Job job{&task, std::vector<Calls>(threads)};
        std::vector<Calls::Out> tids;
        for (Calls &calls : job.threads)
            tids.push_back(calls.sys_result(SYS_gettid, {}));
        inject::run(job, tree.waiter());
        for (size_t i = 0; i < threads; i++)
            REQUIRE(job.threads[i].result(tids[i]) == task.threads[i].tid);
        std::vector<uint8_t> now(sys::vdso_extent(own).whole);
        REQUIRE(memory.read(at, now.data(), now.size()) == static_cast<long>(now.size()));
        REQUIRE(memcmp(now.data() + segments + 16, own.data() + segments + 16, now.size() - segments - 16) ==
                0);
    }
}

TEST_CASE("a process that handles every signal is asked by system-call stops")
{
    Child child([] {
        for (int s = 1; s < 65; s++)
            signal(s, handler);
    });
    FrozenTree tree(child.pid);
    inject::Job job{&tree.tasks().at(0), {}};
    auto pid = job.threads.emplace_back().sys_result(SYS_getpid, {});
    inject::run(job, tree.waiter());
    REQUIRE(job.threads[0].result(pid) == child.pid);
    inject::Job again{&tree.tasks().at(0), {}};
    pid = again.threads.emplace_back().sys_result(SYS_getpid, {});
    inject::run(again, tree.waiter());
    REQUIRE(again.threads[0].result(pid) == child.pid);
}

TEST_CASE("a tree is found with its zombies and stopped tasks, which stay so")
{
    Child child([] {
        if (fork() == 0)
            _exit(3);
        if (fork() == 0) {
            raise(SIGSTOP);
            _exit(0);
        }
        if (fork() == 0) {
            if (fork() == 0)
                for (;;)
                    pause();
            for (;;)
                pause();
        }
        usleep(50000);
    });
    pid_t stopped = 0;
    {
        FrozenTree tree(child.pid);
        REQUIRE(tree.tasks().size() == 5);
        int zombies = 0;
        for (FrozenTask &task : tree.tasks()) {
            zombies += task.state == FrozenTask::State::Zombie;
            if (task.state == FrozenTask::State::Stopped) {
                stopped = task.pid;
                REQUIRE(task.stop_signal == SIGSTOP);
                inject::Job job{&task, {}};
                auto pid = job.threads.emplace_back().sys_result(SYS_getpid, {});
                inject::run(job, tree.waiter());
                REQUIRE(job.threads[0].result(pid) == task.pid);
            }
        }
        REQUIRE(zombies == 1);
        REQUIRE(stopped != 0);
    }
    usleep(5000);
    REQUIRE(inject::stat_of(stopped)->state == 'T');
    {
        FrozenTree tree(child.pid);
        tree.kill();
    }
    REQUIRE(!inject::stat_of(child.pid)); // its parent is this process, which has waited for it
    REQUIRE((!inject::stat_of(stopped) || inject::stat_of(stopped)->state == 'Z'));
}

TEST_CASE("what cannot be frozen is named, and goes on")
{
    SECTION("ourselves") { REQUIRE(refusal_of(getpid()).find("does the freezing") != std::string::npos); }
    SECTION("nobody") { REQUIRE(refusal_of(4194304).find("cannot find process") != std::string::npos); }
    SECTION("a traced one")
    {
        Child child([] {});
        Child tracer([&] { sys::ptrace::seize(child.pid, 0); });
        REQUIRE(refusal_of(child.pid).find(cat("is traced by pid ", tracer.pid)) != std::string::npos);
    }
    SECTION("one in vfork")
    {
        Child child([] {},
                    [] {
                        pid_t parent = getpid();
                        pid_t pid = vfork();
                        if (pid == 0) {
                            while (getppid() == parent)
                                syscall(SYS_pause);
                            _exit(0);
                        }
                    });
        usleep(20000);
        REQUIRE(refusal_of(child.pid).find("waits in vfork(2) for pid") != std::string::npos);
        // Its child is killed with it.
        for (pid_t pid : inject::children_of(child.pid))
            kill(pid, SIGKILL);
    }
    SECTION("all reasons at once")
    {
        Child child([] {});
        Child tracer([&] { sys::ptrace::seize(child.pid, 0); });
        inject::FreezeOptions options;
        options.collect = true;
        FrozenTree tree(child.pid, options);
        REQUIRE(tree.blockers().size() >= 1);
    }
}

TEST_CASE("a short vfork is waited for")
{
    Child child([] {},
                [] {
                    pid_t pid = vfork();
                    if (pid == 0) {
                        usleep(3000);
                        _exit(0);
                    }
                    waitpid(pid, nullptr, 0);
                });
    for (int i = 0; i < 20; i++)
        REQUIRE(refusal_of(child.pid, 5000).empty());
}

TEST_CASE("no call is made in a task under seccomp")
{
    Child child([] {
        sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        sock_fprog program{1, &allow};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    });
    FrozenTree tree(child.pid);
    inject::Job job;
    job.task = &tree.tasks().front();
    job.threads.resize(1);
    job.threads[0].sys(SYS_getpid, {});
    REQUIRE_THROWS_WITH(inject::run(job, tree.waiter()), Catch::Contains("under seccomp"));
}
