// without: core.tc.timers.real, core.tc.timers.virt, core.tc.timers.prof
// The three interval timers: set far ahead, they keep their interval and their time left.
#include "workload.h"
#include <sys/time.h>

static const int kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

int main(void)
{
    struct itimerval timer;
    for (int i = 0; i < 3; ++i) {
        timer = (struct itimerval){{10 + i, 500}, {3000 + i, 0}};
        check(setitimer(kinds[i], &timer, NULL) == 0, "setitimer");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check(getitimer(kinds[i], &timer) == 0, "getitimer");
        check_equal(timer.it_interval.tv_sec, 10 + i, "an interval");
        check(timer.it_interval.tv_usec >= 500 && timer.it_interval.tv_usec <= 4500,
              "an interval's microseconds");
        check(timer.it_value.tv_sec <= 3000 + i && timer.it_value.tv_sec > 2900, "the time left");
    }
    pass();
}
