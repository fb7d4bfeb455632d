// refused: share
// A child that has its memory in common with its parent but is not a thread.
#include "workload.h"

static int in_common;

static int child(void *unused)
{
    (void)unused;
    for (int tries = 0; *(volatile int *)&in_common == 0; ++tries) {
        struct timespec time = {0, 1000000};
        syscall(SYS_nanosleep, &time, NULL);
        if (tries > 20000)
            syscall(SYS_exit, 1);
    }
    syscall(SYS_exit, 0);
    return 0;
}

int main(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int status = -1;
    pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    check(pid > 0, "clone");
    ready();
    wait_for_go();
    in_common = 1;
    check(waitpid(pid, &status, 0) == pid && status == 0, "the child after a refused dump");
    pass();
}
