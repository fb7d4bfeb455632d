// without: core.thread_info.gpregs.sp
// differs: */syscall
// A sleep until a point in time ends at that point, or at once when it passed meanwhile.
#include "workload.h"

enum { kSleep = 300 };
static long long begun, ended;

static void sleeper(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    begun = now_ms();
    time.tv_nsec += kSleep * 1000000L;
    time.tv_sec += time.tv_nsec / 1000000000, time.tv_nsec %= 1000000000;
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0, "the sleep was interrupted");
    ended = now_ms();
    wait_for_go();
}

int main(void)
{
    pthread_t thread = start_blocked(sleeper, SYS_clock_nanosleep);
    ready();
    wait_for_go();
    long long go = now_ms();
    join_thread(thread);
    check(ended - begun >= kSleep, "the sleep was cut short");
    check(now_ms() - go < kSleep + 2000, "the sleep went on for too long");
    pass();
}
