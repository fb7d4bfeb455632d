// without: core.thread_core.cr_user_dispatch
// System calls that are sent to a handler of the program's own (PR_SET_SYSCALL_USER_DISPATCH): in a thread
// that lets them pass at the moment, and in one that does not, which computes meanwhile.
#include "../dispatch.h"


static __thread volatile char selector;
static __thread volatile int caught;
static volatile int set_up, go_on;
static volatile long steps;

static void handler(int signal)
{
    (void)signal;
    caught++;
    selector = kPass;
}

static void begin(void)
{
    selector = kPass;
    if (prctl(kSetDispatch, kOn, 0, 0, &selector) != 0)
        skip("no PR_SET_SYSCALL_USER_DISPATCH");
}

static void is_on(const char *text)
{
    selector = kBlock;
    syscall(SYS_getppid);
    check_equal(caught, 1, text);
    check_equal(selector, kPass, text);
}

static void *thread(void *unused)
{
    begin();
    selector = kBlock;
    set_up = 1;
    while (!go_on)
        steps++;
    check_equal(selector, kBlock, "the selector");
    is_on("the thread's calls");
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    if (!tells_of_dispatch())
        skip("ptrace does not tell where system calls are dispatched\n");
    check(sigaction(SIGSYS, &action, NULL) == 0, "sigaction");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    begin();
    ready();
    wait_for_go();
    is_on("the leader's calls");
    go_on = 1;
    join_thread(other);
    pass();
}
