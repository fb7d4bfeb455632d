// without: core.thread_core.signals_p, core.tc.signals_s
// Hundreds of signals with values, pending for the process and for each of two threads.
#include "workload.h"

enum { kQueued = 200 };

static volatile int stage;
static pid_t other;
static sigset_t set;

static void queue(pid_t tid, int first)
{
    for (int i = 0; i < kQueued; ++i) {
        siginfo_t info = {.si_signo = SIGRTMIN + 1, .si_code = SI_QUEUE};
        info.si_pid = getpid();
        info.si_value.sival_int = first + i;
        check(syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGRTMIN + 1, &info) == 0, "rt_tgsigqueueinfo");
    }
}

static void take(int signo, int first)
{
    sigset_t one;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&one), sigaddset(&one, signo);
    for (int i = 0; i < kQueued; ++i) {
        check_equal(sigtimedwait(&one, &info, &now), signo, "a pending signal");
        check_equal(info.si_value.sival_int, first + i, "its value");
        check_equal(info.si_pid, getpid(), "its sender");
    }
    check(sigtimedwait(&one, &info, &now) == -1 && errno == EAGAIN, "a pending signal too many");
}

static void *body(void *unused)
{
    other = gettid();
    stage = 1;
    while (stage != 2)
        sleep_ms(1);
    take(SIGRTMIN + 1, 5000);
    return unused;
}

int main(void)
{
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_t thread = start_thread(body, NULL);
    while (stage != 1)
        sleep_ms(1);
    for (int i = 0; i < kQueued; ++i)
        check(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) == 0, "sigqueue");
    queue(gettid(), 1000);
    queue(other, 5000);
    ready();
    wait_for_go();
    take(SIGRTMIN, 0);
    take(SIGRTMIN + 1, 1000);
    stage = 2;
    join_thread(thread);
    pass();
}
