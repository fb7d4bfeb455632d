// without: pstree.pid, pstree.ppid
// A chain of fifteen tasks, each the parent of the next.
#include "workload.h"

static int depth;

static void link_of_chain(void)
{
    pid_t self = getpid(), parent = getppid(), child = 0;
    if (++depth < 15)
        child = start_child(link_of_chain);
    child_ready();
    wait_for_go();
    check_equal(getpid(), self, "the pid");
    check_equal(getppid(), parent, "the parent");
    if (child)
        child_passed(child);
}

int main(void)
{
    pid_t pid = start_child(link_of_chain);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
