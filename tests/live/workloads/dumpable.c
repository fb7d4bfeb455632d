// without: mm.dumpable
// A process that is not dumpable stays so, and its child that is too.
#include "workload.h"

static void child(void)
{
    prctl(PR_SET_DUMPABLE, 1);
    child_ready();
    wait_for_go();
    check_equal(prctl(PR_GET_DUMPABLE), 1, "dumpable, of the child");
}

int main(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(prctl(PR_GET_DUMPABLE), 0, "dumpable");
    child_passed(pid);
    pass();
}
