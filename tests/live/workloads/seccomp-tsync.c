// without: core.thread_core.seccomp_filter, seccomp.seccomp_filters.prev
// Threads that were synchronised share one filter: so they can be synchronised again, which the kernel
// refuses where a thread has another one.
#include "../seccomp.h"

static volatile int there, again;

static void *thread(void *argument)
{
    (void)argument;
    __atomic_add_fetch(&there, 1, __ATOMIC_SEQ_CST);
    wait_for_go();
    check_equal(error_of(SYS_getpgrp), 41, "the filter of all, in a thread");
    check_equal(error_of(SYS_getgid), 44, "the second filter of all, in a thread");
    while (!again)
        sleep_ms(1);
    check_equal(error_of(SYS_getuid), 42, "the filter that was added, in a thread");
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    no_new_privileges();
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(thread, NULL);
    while (there != 3)
        sleep_ms(1);
    fail_call(SYS_getpgrp, 41, SECCOMP_FILTER_FLAG_TSYNC);
    fail_call(SYS_getgid, 44, SECCOMP_FILTER_FLAG_TSYNC);
    ready();
    wait_for_go();
    fail_call(SYS_getuid, 42, SECCOMP_FILTER_FLAG_TSYNC);
    again = 1;
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    check_equal(error_of(SYS_getpgrp), 41, "the filter of all");
    pass();
}
