// without: core.tc.timers.posix.si_signo
// The signal of a timer that is waiting, with the number of expiries that it stands for. (That of the signal taken last,
// timer_getoverrun(), is lost: no call sets it.)
#include "workload.h"

int main(void)
{
    int id = -1;
    sigset_t set;
    siginfo_t info;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec timer = {{0, 5000000}, {0, 5000000}};
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0, "timer_create");
    check(syscall(SYS_timer_settime, id, 0, &timer, NULL) == 0, "timer_settime");
    sleep_ms(60);
    check_equal(sigwaitinfo(&set, &info), SIGUSR1, "the signal");
    int overrun = syscall(SYS_timer_getoverrun, id);
    check(overrun >= 8 && overrun == info.si_overrun, "the overrun before");
    sleep_ms(15); // the next signal is pending by now
    ready();
    wait_for_go();
    check_equal(sigwaitinfo(&set, &info), SIGUSR1, "the signal that the timer has sent since");
    pass();
}
