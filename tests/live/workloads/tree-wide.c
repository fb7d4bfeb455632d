// without: pstree.pid
// Thirty children, each with memory of its own.
#include "workload.h"

enum { kChildren = 30 };

static int number;

static void child(void)
{
    int own = number;
    pid_t pid = getpid();
    number = own * 1000;
    child_ready();
    wait_for_go();
    check_equal(getpid(), pid, "a pid");
    check_equal(number, own * 1000, "a child's memory");
}

int main(void)
{
    pid_t pids[kChildren];
    for (number = 0; number < kChildren; ++number)
        pids[number] = start_child(child);
    ready();
    wait_for_go();
    check_equal(number, kChildren, "the parent's memory");
    for (int i = 0; i < kChildren; ++i)
        child_passed(pids[i]);
    pass();
}
