// without: core.thread_core.sched_policy, core.thread_core.sched_prio
// Scheduling policies and real-time priorities, different in each thread.
#include "workload.h"

static const struct {
    int policy, priority;
} wanted[] = {
    {SCHED_BATCH, 0}, {SCHED_IDLE, 0}, {SCHED_FIFO, 7}, {SCHED_RR, 3}, {SCHED_FIFO | SCHED_RESET_ON_FORK, 2}};

enum { kThreads = sizeof wanted / sizeof *wanted };

static volatile int set_up;

static void *thread(void *slot)
{
    long own = (long)slot;
    struct sched_param param = {wanted[own].priority};
    check(sched_setscheduler(0, wanted[own].policy, &param) == 0, "sched_setscheduler");
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    wait_for_go();
    check_equal(sched_getscheduler(0), wanted[own].policy, "a thread's policy");
    check(sched_getparam(0, &param) == 0, "sched_getparam");
    check_equal(param.sched_priority, wanted[own].priority, "its priority");
    return NULL;
}

int main(void)
{
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; ++i)
        threads[i] = start_thread(thread, (void *)i);
    while (set_up != kThreads)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(sched_getscheduler(0), SCHED_OTHER, "the leader's policy");
    for (int i = 0; i < kThreads; ++i)
        join_thread(threads[i]);
    pass();
}
