// without: core.thread_info.gpregs.ip
// differs: */syscall
// A relative sleep is not cut short, is not interrupted, and is not slept over and over. (It may end before
// the dump, so the thread may be found in another call.)
#include "workload.h"

enum { kSleep = 300 };
static long long begun, ended;

static void sleeper(void)
{
    struct timespec time = {0, kSleep * 1000000L};
    begun = now_ms();
    check(nanosleep(&time, NULL) == 0, "the sleep was interrupted");
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
