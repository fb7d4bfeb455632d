// Workers that wait for signals, and whose calls end, or are made again, because of them.
#include "torture.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace
{

thread_local volatile int t_handled;
thread_local char *t_altstack;

void count_signal(int)
{
    char here;
    if (t_altstack && (&here < t_altstack || &here >= t_altstack + 65536))
        fail("a handler was not on the alternate stack");
    t_handled = t_handled + 1;
}

void handle(int signal, int flags)
{
    struct sigaction action {
    };
    action.sa_handler = count_signal;
    action.sa_flags = flags;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

} // namespace

void block(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, nullptr);
}

// SIGALRM by setitimer, in sigsuspend only.
void suspend_round()
{
    static bool ready = [] {
        handle(SIGALRM, SA_RESTART);
        return true;
    }();
    (void)ready;
    int before = t_handled;
    itimerval once{{0, 0}, {0, 2000}};
    setitimer(ITIMER_REAL, &once, nullptr);
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    if (sigsuspend(&set) != -1 || errno != EINTR)
        fail("sigsuspend: %s", strerror(errno));
    if (t_handled != before + 1)
        fail("sigsuspend ended after %d signals", t_handled - before);
}

static timer_t timer_for_this_thread(int signal)
{
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
    event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        fail("timer_create: %s", strerror(errno));
    return timer;
}

// A timer against a read that blocks for ever: a handler, on the alternate stack, then EINTR. When the signal
// comes while somebody is at work in this thread, the read must still not be made again. (When it comes
// before the read is entered, as on a busy machine, it takes the next tick; those are counted.)
void eintr_round()
{
    static timer_t timer = [] {
        t_altstack = static_cast<char *>(
            mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        stack_t stack{};
        stack.ss_sp = t_altstack;
        stack.ss_size = 65536;
        sigaltstack(&stack, nullptr);
        handle(SIGRTMIN + 1, SA_ONSTACK);
        return timer_for_this_thread(SIGRTMIN + 1);
    }();
    int before = t_handled;
    itimerspec ticks{{0, 100000000}, {0, 2000000}}, off{};
    timer_settime(timer, 0, &ticks, nullptr);
    char byte;
    ssize_t n = read(g_quiet[0], &byte, 1);
    int err = errno;
    timer_settime(timer, 0, &off, nullptr);
    if (n != -1 || err != EINTR)
        fail("read: %zd %s", n, strerror(err));
    if (t_handled == before)
        fail("read ended without a signal");
    if (t_handled != before + 1)
        __atomic_fetch_add(&g_board->late, 1, __ATOMIC_RELAXED);
}

// With SA_RESTART the read is made again until the byte comes that the second signal sends.
static int g_again[2];
static void again(int)
{
    t_handled = t_handled + 1;
    if (t_handled % 3 == 0 && write(g_again[1], "x", 1) != 1)
        fail("write in a handler: %s", strerror(errno));
}

void restart_round()
{
    static timer_t timer = [] {
        if (pipe2(g_again, O_CLOEXEC))
            fail("pipe: %s", strerror(errno));
        struct sigaction action {
        };
        action.sa_handler = again;
        action.sa_flags = SA_RESTART;
        sigaction(SIGRTMIN + 2, &action, nullptr);
        return timer_for_this_thread(SIGRTMIN + 2);
    }();
    itimerspec often{{0, 700000}, {0, 700000}};
    timer_settime(timer, 0, &often, nullptr);
    char byte = 0;
    ssize_t n = read(g_again[0], &byte, 1);
    if (n != 1 || byte != 'x')
        fail("read with SA_RESTART: %zd %s", n, strerror(errno));
    itimerspec off{};
    timer_settime(timer, 0, &off, nullptr);
    t_handled = 0;
    int flags = fcntl(g_again[0], F_GETFL);
    fcntl(g_again[0], F_SETFL, flags | O_NONBLOCK);
    while (read(g_again[0], &byte, 1) == 1) {
    }
    fcntl(g_again[0], F_SETFL, flags);
}

// The signal mask of a thread is its own.
void mask_round()
{
    static uint64_t pattern = 0x123456789;
    pattern = pattern * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t want = pattern & 0x7ffffffe00000000ull, got = 0; // real-time signals that nobody uses here
    want |= 1ull << (SIGUSR1 - 1) | 1ull << (SIGALRM - 1);
    uint64_t old = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &want, &old, 8);
    pause_us(300);
    for (int i = 0; i < 20000; i++)
        asm volatile("");
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, &got, 8);
    if (got != want)
        fail("the signal mask was %lx and is %lx", want, got);
}
