// without: core.thread_core.signals_p
// Signals pending for one thread only, in the leader and in another thread.
#include "workload.h"

static sigset_t set;
static volatile pid_t tid;

static void collect(int number, int value)
{
    siginfo_t info;
    struct timespec now = {0, 0};
    check_equal(sigtimedwait(&set, &info, &now), number, "the pending signal");
    check_equal(info.si_code, SI_QUEUE, "its code");
    check_equal(info.si_value.sival_int, value, "its value");
    check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN, "a pending signal too many");
}

static void *thread(void *unused)
{
    (void)unused;
    tid = gettid();
    wait_for_go();
    collect(SIGUSR2, 22);
    return NULL;
}

static void queue_to(pid_t to, int number, int value)
{
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_value.sival_int = value;
    check(syscall(SYS_rt_tgsigqueueinfo, getpid(), to, number, &info) == 0, "rt_tgsigqueueinfo");
}

int main(void)
{
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_t other = start_thread(thread, NULL);
    while (tid == 0)
        sleep_ms(1);
    queue_to(getpid(), SIGUSR1, 11);
    queue_to(tid, SIGUSR2, 22);
    ready();
    wait_for_go();
    collect(SIGUSR1, 11);
    join_thread(other);
    pass();
}
