// without: core.thread_core.cr_dl_runtime, core.thread_core.cr_dl_period
// SCHED_DEADLINE in one of two threads.
#include "workload.h"
#include <stdint.h>
#include <sys/syscall.h>

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

enum { kDeadline = 6, kResetOnFork = 1, kReclaim = 2 };

static volatile int set_up;

static void *thread(void *unused)
{
    (void)unused;
    struct attributes wanted = {sizeof wanted, kDeadline, kResetOnFork | kReclaim, 0, 0, 3000000,
                                50000000,      60000000};
    check(syscall(SYS_sched_setattr, 0, &wanted, 0) == 0, "sched_setattr");
    set_up = 1;
    wait_for_go();
    struct attributes now = {0};
    check(syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0, "sched_getattr");
    check_equal(now.policy, kDeadline, "the policy");
    check_equal((long)now.flags, kResetOnFork | kReclaim, "the flags");
    check_equal((long)now.runtime, 3000000, "the runtime");
    check_equal((long)now.deadline, 50000000, "the deadline");
    check_equal((long)now.period, 60000000, "the period");
    return NULL;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    join_thread(other);
    pass();
}
