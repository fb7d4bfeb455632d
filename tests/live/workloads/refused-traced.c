// refused: traced.*tree
// A child that its parent traces, as a debugger does.
#include "workload.h"
#include <sys/ptrace.h>

static void child(void)
{
    child_ready();
    wait_for_go();
}

int main(void)
{
    pid_t pid = start_child(child);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0)
        skip("ptrace: %s\n", strerror(errno));
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
