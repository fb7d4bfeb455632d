// without: files.tfd.ticks, files.tfd.settime_flags, files.tfd.flags
// Expirations not read yet, of a timer that goes on and of one that is over; an absolute timer.
#include "workload.h"
#include <sys/timerfd.h>

int main(void)
{
    char path[64];
    uint64_t ticks = 0;
    struct itimerspec timer = {{0, 0}, {0, 1000000}};
    int once = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK),
        often = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int absolute = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    check(timerfd_settime(once, 0, &timer, NULL) == 0, "timerfd_settime");
    timer = (struct itimerspec){{1000, 0}, {0, 1000000}};
    check(timerfd_settime(often, 0, &timer, NULL) == 0, "timerfd_settime");
    clock_gettime(CLOCK_MONOTONIC, &timer.it_value);
    timer.it_value.tv_sec += 3000;
    check(timerfd_settime(absolute, TFD_TIMER_ABSTIME, &timer, NULL) == 0, "timerfd_settime");
    sleep_ms(5);
    ready();
    wait_for_go();
    check(read(once, &ticks, 8) == 8, "the expiration of a timer that is over was lost");
    check_equal(ticks, 1, "its expirations");
    check(read(once, &ticks, 8) == -1 && errno == EAGAIN, "it expired again");
    check(read(often, &ticks, 8) == 8, "the expiration of a timer that goes on was lost");
    check_equal(ticks, 1, "its expirations");
    check(timerfd_gettime(often, &timer) == 0 && timer.it_value.tv_sec > 900, "its time left");
    check(timerfd_gettime(absolute, &timer) == 0 && timer.it_value.tv_sec > 2900,
          "the time left of an absolute timer");
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", absolute);
    check_equal(proc_value(path, "settime flags:", 8), TFD_TIMER_ABSTIME, "how the absolute timer was set");
    pass();
}
