// without: core.thread_info.gpregs.r10
// differs: */syscall */status/SigBlk
// What is waited for is not blocked meanwhile, so the mask shows whether the wait has timed out yet.
// A thread in sigtimedwait() is not interrupted: one gets its signal, one times out.
#include "workload.h"

enum { kTimeout = 250 };
static sigset_t first_set, second_set;

static void endless(void)
{
    siginfo_t info;
    check_equal(sigwaitinfo(&first_set, &info), SIGUSR1, "the signal waited for");
    check_equal(info.si_value.sival_int, 77, "its value");
}

static void timed(void)
{
    struct timespec timeout = {0, kTimeout * 1000000L};
    long long begun = now_ms();
    check(sigtimedwait(&second_set, NULL, &timeout) == -1 && errno == EAGAIN, "the wait with a timeout");
    check(now_ms() - begun >= kTimeout, "it timed out early");
    wait_for_go();
}

int main(void)
{
    sigemptyset(&first_set), sigaddset(&first_set, SIGUSR1);
    sigemptyset(&second_set), sigaddset(&second_set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &first_set, NULL), pthread_sigmask(SIG_BLOCK, &second_set, NULL);
    pthread_t first = start_blocked(endless, SYS_rt_sigtimedwait),
              second = start_blocked(timed, SYS_rt_sigtimedwait);
    ready();
    wait_for_go();
    check(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}) == 0, "sigqueue");
    join_thread(first);
    join_thread(second);
    pass();
}
