// without: files.tfd.isec, files.tfd.vsec, files.tfd.clockid, files.tfd.insec
// differs: */ticks
// Timer descriptors: clock, interval, time left, disarmed ones. (One expires soon, perhaps while it is looked
// at.)
#include "workload.h"
#include <sys/timerfd.h>

int main(void)
{
    static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    int fds[3], disarmed = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), soon;
    struct itimerspec timer;
    uint64_t ticks;
    char path[64];
    for (int i = 0; i < 3; ++i) {
        timer = (struct itimerspec){{20 + i, 300 + i}, {4000 + i, 0}};
        fds[i] = timerfd_create(clocks[i], TFD_CLOEXEC);
        check(fds[i] >= 0 && timerfd_settime(fds[i], 0, &timer, NULL) == 0, "timerfd_settime");
    }
    soon = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    timer = (struct itimerspec){{0, 20000000}, {0, 150000000}};
    check(timerfd_settime(soon, 0, &timer, NULL) == 0, "timerfd_settime");
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fds[i]);
        check_equal(proc_value(path, "clockid:", 10), clocks[i], "the clock");
        check(timerfd_gettime(fds[i], &timer) == 0, "timerfd_gettime");
        check(timer.it_interval.tv_sec == 20 + i && timer.it_interval.tv_nsec == 300 + i, "the interval");
        check(timer.it_value.tv_sec <= 4000 + i && timer.it_value.tv_sec > 3900, "the time left");
    }
    check(timerfd_gettime(disarmed, &timer) == 0 && timer.it_value.tv_sec == 0 && timer.it_value.tv_nsec == 0,
          "disarmed");
    check(read(disarmed, &ticks, 8) == -1 && errno == EAGAIN, "a disarmed timer has expired");
    check(read(soon, &ticks, 8) == 8 && ticks >= 1, "the timer that expires");
    check(read(soon, &ticks, 8) == 8 && ticks >= 1, "the timer that expires again");
    pass();
}
