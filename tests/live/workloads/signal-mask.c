// without: core.thread_core.blk_sigset
// Signal masks, different in each thread, real-time signals too.
#include "workload.h"

static volatile int set_up;

static unsigned long mask_of(void)
{
    unsigned long mask = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
    return mask;
}

static void hold(unsigned long mask)
{
    check(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8) == 0, "rt_sigprocmask");
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    if (gettid() == getpid()) {
        while (set_up != 3)
            sleep_ms(1);
        ready();
    }
    wait_for_go();
    check_equal(mask_of(), mask, "the signal mask");
}

static void *thread(void *mask)
{
    hold((unsigned long)mask);
    return NULL;
}

int main(void)
{
    pthread_t first = start_thread(thread, (void *)(1UL << 63 | 1UL << (SIGUSR1 - 1)));
    pthread_t second = start_thread(thread, (void *)(1UL << 40 | 1UL << (SIGCHLD - 1)));
    hold(1UL << 50 | 1UL << (SIGTERM - 1));
    join_thread(first);
    join_thread(second);
    pass();
}
