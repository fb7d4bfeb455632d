// without: core.tc.child_subreaper
// A child subreaper gets the orphans below it, those made so after the restore too; its own child is none.
#include "workload.h"

static void grandchild(void)
{
    pid_t parent = getppid();
    child_ready();
    wait_for_go();
    for (int tries = 0; getppid() == parent; ++tries, sleep_ms(1))
        check(tries < 2000, "the parent does not end");
    _exit(55);
}

static void child(void)
{
    int reaper = -1;
    start_child(grandchild);
    child_ready();
    wait_for_go();
    check(prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0 && reaper == 0, "the child is a subreaper");
}

int main(void)
{
    int status;
    check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "PR_SET_CHILD_SUBREAPER");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    check(wait(&status) > 0 && WIFEXITED(status), "the orphan did not come to its subreaper");
    check_equal(WEXITSTATUS(status), 55, "how the orphan ended");
    pass();
}
