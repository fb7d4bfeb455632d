// without: core.thread_info.gpregs.gs_base, core.thread_info.gpregs.fs_base
// The bases of fs (thread-local memory) and gs, different in each thread.
#include "workload.h"
#include <asm/prctl.h>

static unsigned long areas[2] = {0x5151515151515151, 0x5252525252525252};
static _Thread_local int number;
static volatile int set_up;

static unsigned long at_gs(void)
{
    unsigned long value;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static void use(int which)
{
    number = which + 100;
    check(syscall(SYS_arch_prctl, ARCH_SET_GS, &areas[which]) == 0, "ARCH_SET_GS");
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
}

static void *other(void *unused)
{
    (void)unused;
    use(1);
    wait_for_go();
    check_equal(at_gs(), areas[1], "what gs points to in the thread");
    check_equal(number, 101, "thread-local memory of the thread");
    return NULL;
}

int main(void)
{
    pthread_t thread = start_thread(other, NULL);
    use(0);
    while (set_up != 2)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(at_gs(), areas[0], "what gs points to");
    check_equal(number, 100, "thread-local memory");
    join_thread(thread);
    pass();
}
