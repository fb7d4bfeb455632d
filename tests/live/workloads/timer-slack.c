// without: core.thread_core.cr_timer_slack
// Timer slack, different in each thread.
#include "workload.h"
#include <sys/prctl.h>

static volatile int set_up;

static void *thread(void *unused)
{
    (void)unused;
    check(prctl(PR_SET_TIMERSLACK, 123456, 0, 0, 0) == 0, "PR_SET_TIMERSLACK");
    set_up = 1;
    wait_for_go();
    check_equal(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 123456, "the thread's timer slack");
    return NULL;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    check(prctl(PR_SET_TIMERSLACK, 7, 0, 0, 0) == 0, "PR_SET_TIMERSLACK");
    ready();
    wait_for_go();
    check_equal(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 7, "the leader's timer slack");
    join_thread(other);
    pass();
}
