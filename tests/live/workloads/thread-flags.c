// without: core.thread_core.cr_machine_check, core.thread_core.cr_tsc
// Switches of a thread that prctl(2) keeps: how it is told of broken memory, whether it may read the time
// stamp counter.
#include "workload.h"

static volatile int set_up;

static void *thread(void *unused)
{
    check(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0) == 0, "PR_MCE_KILL");
    check(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) == 0, "PR_SET_TSC");
    set_up = 1;
    while (access(live_go, F_OK) != 0) // without the clock, which reads the counter
        usleep(10000);
    int tsc = 0;
    check(prctl(PR_GET_TSC, &tsc, 0, 0, 0) == 0, "PR_GET_TSC");
    check_equal(tsc, PR_TSC_SIGSEGV, "the thread's counter");
    check_equal(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY, "the thread's machine check policy");
    return unused;
}

int main(void)
{
    live_go = live_path("LIVE_GO");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    check(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0) == 0, "PR_MCE_KILL");
    ready();
    wait_for_go();
    int tsc = 0;
    check(prctl(PR_GET_TSC, &tsc, 0, 0, 0) == 0, "PR_GET_TSC");
    check_equal(tsc, PR_TSC_ENABLE, "the leader's counter");
    check_equal(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE, "the leader's machine check policy");
    join_thread(other);
    pass();
}
