// without: core.thread_core.sched_nice
// Nice values, different in each thread.
#include "workload.h"
#include <sys/resource.h>

static volatile int set_up;

static void *thread(void *unused)
{
    (void)unused;
    check(setpriority(PRIO_PROCESS, gettid(), 11) == 0, "setpriority");
    set_up = 1;
    wait_for_go();
    check_equal(getpriority(PRIO_PROCESS, gettid()), 11, "the thread's nice value");
    return NULL;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    check(setpriority(PRIO_PROCESS, 0, -3) == 0, "setpriority");
    ready();
    wait_for_go();
    check_equal(getpriority(PRIO_PROCESS, 0), -3, "the leader's nice value");
    join_thread(other);
    pass();
}
