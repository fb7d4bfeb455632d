// without: core.thread_core.seccomp_filter, seccomp.seccomp_filters.filter
// Threads with different filters, one with none.
#include "../seccomp.h"

static volatile int there;

static void *thread(void *argument)
{
    long which = (long)argument;
    static const long kNumbers[] = {0, SYS_getpgrp, SYS_getuid, SYS_getgid};
    for (long i = 1; i <= which; i++)
        fail_call(kNumbers[i], 40 + (int)i, 0);
    __atomic_add_fetch(&there, 1, __ATOMIC_SEQ_CST);
    wait_for_go();
    for (long i = 1; i <= 3; i++)
        check_equal(error_of(kNumbers[i]), i <= which ? 40 + i : 0, "a thread's filters");
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    no_new_privileges();
    for (long i = 0; i < 4; i++)
        threads[i] = start_thread(thread, (void *)i);
    while (there != 4)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(error_of(SYS_getpgrp), 0, "the leader, which has no filter");
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    pass();
}
