// without: core.thread_core.cr_ioprio
// I/O priorities, different in each thread.
#include "workload.h"
#include <sys/syscall.h>

enum { kWhoProcess = 1, kBestEffort = 2 << 13, kIdle = 3 << 13 };

static volatile int set_up;

static void *thread(void *unused)
{
    (void)unused;
    check(syscall(SYS_ioprio_set, kWhoProcess, 0, kIdle) == 0, "ioprio_set");
    set_up = 1;
    wait_for_go();
    check_equal(syscall(SYS_ioprio_get, kWhoProcess, 0), kIdle, "the thread's I/O priority");
    return NULL;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    check(syscall(SYS_ioprio_set, kWhoProcess, 0, kBestEffort | 6) == 0, "ioprio_set");
    ready();
    wait_for_go();
    check_equal(syscall(SYS_ioprio_get, kWhoProcess, 0), kBestEffort | 6, "the leader's I/O priority");
    join_thread(other);
    pass();
}
