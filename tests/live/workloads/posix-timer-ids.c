// without: core.tc.timers.posix, core.tc.timers.posix.it_id, core.tc.timers.posix.clock_id
// POSIX timers keep their kernel ids, gaps included, their clocks, intervals and times left.
#include "workload.h"

enum { kTimers = 7 };

// What /proc says of the timers: ids, signals, ways to tell, clocks.
static void list(char *text, size_t size)
{
    int fd = open("/proc/self/timers", O_RDONLY | O_CLOEXEC);
    check(fd >= 0, "/proc/self/timers");
    ssize_t length = read(fd, text, size - 1);
    check(length > 0 && close(fd) == 0, "/proc/self/timers");
    text[length] = 0;
}

int main(void)
{
    static char before[4096], after[4096];
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID};
    int ids[kTimers], next = -1;
    struct itimerspec now;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    for (int i = 0; i < kTimers; ++i) {
        struct itimerspec timer = {{100 + i, 7}, {3000 + i, 0}};
        event.sigev_value.sival_int = i;
        check(syscall(SYS_timer_create, clocks[i % 4], &event, &ids[i]) == 0, "timer_create");
        if (i != 4)
            check(syscall(SYS_timer_settime, ids[i], 0, &timer, NULL) == 0, "timer_settime");
    }
    check(syscall(SYS_timer_delete, ids[0]) == 0 && syscall(SYS_timer_delete, ids[3]) == 0, "timer_delete");
    list(before, sizeof before);
    ready();
    wait_for_go();
    list(after, sizeof after);
    check(strcmp(before, after) == 0, "what /proc says of the timers");
    for (int i = 0; i < kTimers; ++i) {
        int result = syscall(SYS_timer_gettime, ids[i], &now);
        check_equal(result, i == 0 || i == 3 ? -1 : 0, "whether a timer is there");
        if (i == 0 || i == 3)
            continue;
        check_equal(now.it_interval.tv_sec, i == 4 ? 0 : 100 + i, "an interval");
        check(now.it_value.tv_sec <= 3000 + i && now.it_value.tv_sec >= (i == 4 ? 0 : 2900), "the time left");
    }
    check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &next) == 0, "timer_create");
    for (int i = 1; i < kTimers; ++i)
        check(i == 3 || next != ids[i], "a new timer got an id that is in use");
    pass();
}
