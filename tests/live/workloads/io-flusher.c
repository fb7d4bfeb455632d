// without: core.thread_core.cr_io_flusher
// A thread that writes pages out (PR_SET_IO_FLUSHER), beside one that does not.
#include "workload.h"

enum { kSet = 57, kGet = 58 };

static volatile int set_up;

static void *thread(void *unused)
{
    if (prctl(kSet, 1, 0, 0, 0) != 0)
        skip("PR_SET_IO_FLUSHER: %s", strerror(errno));
    set_up = 1;
    wait_for_go();
    check_equal(prctl(kGet, 0, 0, 0, 0), 1, "the thread");
    return unused;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(prctl(kGet, 0, 0, 0, 0), 0, "the leader");
    join_thread(other);
    pass();
}
