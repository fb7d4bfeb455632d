// without: core.thread_core.rseq_entry
// Restartable sequences stay registered: the kernel keeps the number of the CPU up to date in each thread.
#include "workload.h"
#include <sys/rseq.h>

static volatile int set_up;

static struct rseq *own_area(void)
{
    return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void check_follows(void)
{
    cpu_set_t all, one;
    check(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    for (int round = 0; round < 2; ++round)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &all)) {
                CPU_ZERO(&one);
                CPU_SET(cpu, &one);
                check(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
                check_equal(*(volatile uint32_t *)&own_area()->cpu_id, cpu, "the CPU in the rseq area");
            }
    check(syscall(SYS_rseq, own_area(), 32, 0, RSEQ_SIG) == -1 && errno == EBUSY,
          "rseq is not registered any more");
}

static void *thread(void *unused)
{
    (void)unused;
    set_up = 1;
    wait_for_go();
    check_follows();
    return NULL;
}

int main(void)
{
    if (__rseq_size == 0)
        skip("the C library has not registered rseq\n");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_follows();
    join_thread(other);
    pass();
}
