// What the kernel's structures say of a task against what it answers itself.
#include "libcr/inject/freeze.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/timers.h"
#include "libcr/task/capture.h"

#include <asm/ldt.h>
#include <catch2/catch.hpp>
#include <csignal>
#include <linux/membarrier.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cr;

namespace
{

char g_stack[65536];

void nothing(int) {}

void *thread(void *ready)
{
    stack_t stack{g_stack, static_cast<int>(1u << 31), sizeof g_stack};
    sigaltstack(&stack, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
    [[maybe_unused]] auto n = write(*static_cast<int *>(ready), "t", 1);
    for (;;)
        pause();
}

void make_timer(int clock, itimerspec value)
{
    timer_t timer;
    sigevent event{};
    event.sigev_notify = SIGEV_NONE;
    if (timer_create(clock, &event, &timer) == 0)
        timer_settime(timer, 0, &value, nullptr);
}

void set_up(int ready)
{
    static char stack[16384];
    stack_t alternate{stack, 0, sizeof stack};
    sigaltstack(&alternate, nullptr);
    struct sigaction action {
    };
    action.sa_handler = nothing;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigaddset(&action.sa_mask, SIGUSR1);
    for (int signal : {SIGALRM, SIGHUP, SIGRTMAX})
        sigaction(signal, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
    itimerval value{{7, 5}, {5000, 0}}, once{{0, 0}, {6000, 0}};
    setitimer(ITIMER_REAL, &value, nullptr);
    setitimer(ITIMER_VIRTUAL, &once, nullptr);
    setitimer(ITIMER_PROF, &value, nullptr);
    make_timer(CLOCK_MONOTONIC, {{0, 0}, {1000, 0}});
    make_timer(CLOCK_REALTIME, {{3, 4}, {2000, 0}});
    make_timer(CLOCK_BOOTTIME, {{3, 4}, {3000, 0}});
    make_timer(CLOCK_PROCESS_CPUTIME_ID, {{3, 4}, {4000, 0}});
    make_timer(CLOCK_THREAD_CPUTIME_ID, {{0, 0}, {5000, 0}});
    make_timer(CLOCK_TAI, {{0, 0}, {0, 0}});
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    prctl(65 /* PR_SET_MDWE */, 3, 0, 0, 0);
    unsigned long nodes = 1;
    syscall(SYS_set_mempolicy, 3 /* MPOL_INTERLEAVE */ | 1 << 15 /* MPOL_F_STATIC_NODES */, &nodes, 64);
    user_desc segment{};
    segment.entry_number = 7;
    segment.base_addr = 0x1234567;
    segment.limit = 0xabcde;
    syscall(SYS_modify_ldt, 1, &segment, sizeof segment);
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
    pthread_t second;
    pthread_create(&second, nullptr, thread, &ready);
}

double seconds(const timeval &time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void compare(const task::TaskFacts &asked, const task::TaskFacts &read)
{
    for (size_t i = 0; i < 64; i++) {
        INFO("signal " << i + 1);
        CHECK(read.sigactions[i].handler == asked.sigactions[i].handler);
        CHECK(read.sigactions[i].flags == asked.sigactions[i].flags);
        CHECK(read.sigactions[i].mask == asked.sigactions[i].mask);
        CHECK(read.sigactions[i].restorer == asked.sigactions[i].restorer);
    }
    for (size_t i = 0; i < 3; i++) {
        INFO("interval timer " << i);
        CHECK(seconds(read.itimers[i].it_interval) == Approx(seconds(asked.itimers[i].it_interval)));
        CHECK(seconds(read.itimers[i].it_value) == Approx(seconds(asked.itimers[i].it_value)).margin(1));
    }
    REQUIRE(read.timers.size() == asked.timers.size());
    for (size_t i = 0; i < read.timers.size(); i++) {
        INFO("POSIX timer " << i << " of clock " << asked.timers[i].clock);
        CHECK(read.timers[i].interval_ns == asked.timers[i].interval_ns);
        CHECK(read.timers[i].overrun == asked.timers[i].overrun);
        CHECK(static_cast<double>(read.timers[i].left_ns) ==
              Approx(static_cast<double>(asked.timers[i].left_ns)).margin(1e9));
    }
    CHECK(read.dumpable == asked.dumpable);
    CHECK(read.brk == asked.brk);
    CHECK(read.child_subreaper == asked.child_subreaper);
    CHECK(read.thp_disable == asked.thp_disable);
    CHECK(read.mdwe == asked.mdwe);
    CHECK(read.memory_merge == asked.memory_merge);
    CHECK(read.ldt == asked.ldt);
    CHECK(read.membarrier_registrations == asked.membarrier_registrations);
    REQUIRE(read.threads.size() == 2);
    for (size_t i = 0; i < read.threads.size(); i++) {
        const task::ThreadFacts &a = asked.threads[i], &r = read.threads[i];
        CHECK(r.tid_address == a.tid_address);
        CHECK(r.altstack_sp == a.altstack_sp);
        CHECK(r.altstack_size == a.altstack_size);
        CHECK(r.altstack_flags == a.altstack_flags);
        CHECK(r.pdeath_signal == a.pdeath_signal);
        CHECK(r.securebits == a.securebits);
        CHECK(r.numa.mode == a.numa.mode);
        CHECK(r.numa.nodes == a.numa.nodes);
        CHECK(r.store_bypass == a.store_bypass);
        CHECK(r.indirect_branch == a.indirect_branch);
        CHECK(r.timer_slack == a.timer_slack);
        CHECK(r.stat.nice == a.stat.nice);
        CHECK(r.stat.comm == a.stat.comm);
        CHECK(r.stat.flags == a.stat.flags);
    }
}

} // namespace

TEST_CASE("the kernel's structures say of a task what it says itself")
{
    task::KernelSource kernel;
    if (!kernel.there()) {
        WARN("the kernel cannot be read here (CAP_BPF, CAP_PERFMON, /sys/kernel/btf/vmlinux)");
        return;
    }
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        set_up(ready[1]);
        for (;;)
            pause();
    }
    char byte;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    usleep(20000); // both threads asleep
    {
        inject::FrozenTree tree(pid);
        task::SeccompFilters filters;
        inject::FrozenTask *task = &tree.tasks().front();
        auto asked = task::gather({&task, 1}, {tree.waiter(), kernel, filters});
        task::TaskFacts read;
        read.pid = pid;
        read.timers = asked[0].timers;
        for (task::PosixTimer &timer : read.timers)
            timer.interval_ns = timer.left_ns = 0;
        read.threads.resize(2);
        for (size_t i = 0; i < 2; i++) {
            read.threads[i].tid = asked[0].threads[i].tid;
            read.threads[i].regs = asked[0].threads[i].regs;
        }
        kernel.fill(read);
        REQUIRE(asked[0].timers.size() == 6);
        compare(asked[0], read);
    }
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
}
