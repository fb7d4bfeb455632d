// without: core.thread_core.cr_tsc
// Of a hundred threads a few have switches of their own.
#include "workload.h"

enum { kThreads = 100 };

static volatile int set_up;

static void *thread(void *number)
{
    int tsc = (long)number % 10 == 3 ? PR_TSC_SIGSEGV : PR_TSC_ENABLE, got = 0;
    check(prctl(PR_SET_TSC, tsc, 0, 0, 0) == 0, "PR_SET_TSC");
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    while (access(live_go, F_OK) != 0) // without the clock, which reads the counter
        usleep(10000);
    check(prctl(PR_GET_TSC, &got, 0, 0, 0) == 0, "PR_GET_TSC");
    check_equal(got, tsc, "a thread's counter");
    return NULL;
}

int main(void)
{
    pthread_t threads[kThreads];
    live_go = live_path("LIVE_GO");
    for (long i = 0; i < kThreads; ++i)
        threads[i] = start_thread(thread, (void *)i);
    while (set_up < kThreads)
        sleep_ms(1);
    ready();
    wait_for_go();
    for (int i = 0; i < kThreads; ++i)
        join_thread(threads[i]);
    pass();
}
