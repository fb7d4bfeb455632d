// without: core.thread_info.clear_tid_addr
// The word that the kernel clears and wakes when a thread ends, which pthread_join() waits for.
#include "workload.h"

static void ends_later(void)
{
    wait_for_go();
    sleep_ms(5);
}

int main(void)
{
    pthread_t thread;
    int *before = NULL, *after = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &before) != 0)
        skip("PR_GET_TID_ADDRESS: %s\n", strerror(errno));
    thread = start_blocked(ends_later, SYS_clock_nanosleep);
    ready();
    wait_for_go();
    prctl(PR_GET_TID_ADDRESS, &after);
    check_equal((long)after, (long)before, "the leader's address");
    join_thread(thread);
    pass();
}
