// without: core.thread_core.sas, core.thread_core.sas.ss_sp
// Alternate signal stacks, one per thread, and handlers that run on them.
#include "workload.h"

enum { kStack = 64 * 1024 };

static _Thread_local char *stack;
static _Thread_local volatile int on_it;
static volatile int set_up;

static void handler(int number)
{
    char here;
    (void)number;
    on_it = &here >= stack && &here < stack + kStack;
}

static void *use(void *flag)
{
    stack = mmap(NULL, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t set = {.ss_sp = stack, .ss_size = kStack}, now;
    check(sigaltstack(&set, NULL) == 0, "sigaltstack");
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    if (flag) {
        while (set_up != 2)
            sleep_ms(1);
        ready();
    }
    wait_for_go();
    check(sigaltstack(NULL, &now) == 0, "sigaltstack");
    check_equal((long)now.ss_sp, (long)stack, "the alternate stack");
    check_equal(now.ss_size, kStack, "its size");
    raise(SIGUSR1);
    check(on_it, "the handler did not run on the alternate stack");
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread = start_thread(use, NULL);
    use((void *)1);
    join_thread(thread);
    pass();
}
