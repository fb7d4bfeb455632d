// without: pstree.ppid
// Tasks whose parents ended before the dump are children of the subreaper, in its order of things.
#include "workload.h"

enum { kOrphans = 5 };

static pid_t root;

static void orphan(void)
{
    child_ready();
    wait_for_go();
    check_equal(getppid(), root, "an orphan's parent");
}

static void short_lived(void)
{
    for (int i = 0; i < kOrphans; ++i)
        start_child(orphan);
    child_ready();
}

int main(void)
{
    int status;
    root = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = start_child(short_lived);
    child_passed(pid);
    ready();
    wait_for_go();
    for (int i = 0; i < kOrphans; ++i) {
        check(wait(&status) > 0, "an orphan is missing");
        check_equal(status, 0, "an orphan failed");
    }
    pass();
}
