// without: core.thread_core.cr_cpus
// The CPUs that a thread may run on, different in each thread.
#include "workload.h"

static volatile int set_up;

static unsigned long own_cpus(void)
{
    unsigned long mask[16] = {0};
    check(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) > 0, "sched_getaffinity");
    return mask[0];
}

static void *thread(void *first)
{
    unsigned long wanted = (unsigned long)first;
    check(syscall(SYS_sched_setaffinity, 0, sizeof wanted, &wanted) == 0, "sched_setaffinity");
    set_up = 1;
    wait_for_go();
    check_equal((long)own_cpus(), (long)wanted, "the thread's CPUs");
    return NULL;
}

int main(void)
{
    unsigned long all = own_cpus(), first = all & -all;
    pthread_t other = start_thread(thread, (void *)first);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal((long)own_cpus(), (long)all, "the leader's CPUs");
    join_thread(other);
    pass();
}
