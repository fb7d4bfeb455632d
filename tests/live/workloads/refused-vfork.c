// refused: waits.in.vfork
// A parent that waits in vfork() for its child to execute something.
#include "workload.h"

static pid_t start_and_wait(void)
{
    pid_t pid = syscall(SYS_vfork);
    if (pid == 0) {
        ready();
        wait_for_go();
        _exit(0);
    }
    return pid;
}

int main(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(start_and_wait() > 0 ? 0 : 1);
    child_passed(pid);
    pass();
}
