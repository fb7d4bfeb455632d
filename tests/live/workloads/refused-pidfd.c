// refused: pidfd
// A descriptor of a process.
#include "workload.h"

static void child(void)
{
    child_ready();
    wait_for_go();
}

int main(void)
{
    pid_t pid = start_child(child);
    int fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        skip("pidfd_open: %s\n", strerror(errno));
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
