// without: core.tc.timers.real
// differs: */ShdPnd, */SigPnd
// A periodic timer that interrupts a program all the time goes on doing so. (Its signal may be pending just
// now.)
#include "workload.h"
#include <sys/time.h>

static volatile int ticks;

static void on_alarm(int number)
{
    (void)number;
    ++ticks;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 10000}, {0, 10000}};
    sigaction(SIGALRM, &action, NULL);
    check(setitimer(ITIMER_REAL, &timer, NULL) == 0, "setitimer");
    while (ticks < 2)
        sleep_ms(1);
    ready();
    wait_for_go();
    long long limit = now_ms() + 2000;
    for (int before = ticks; ticks < before + 5; sleep_ms(1))
        check(now_ms() < limit, "the timer does not fire any more");
    pass();
}
