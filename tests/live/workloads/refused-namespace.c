// refused: namespace
// A child with a host name of its own.
#include "workload.h"

static void child(void)
{
    char name[64];
    if (unshare(CLONE_NEWUTS) != 0)
        skip("unshare: %s\n", strerror(errno));
    check(sethostname("inside", 6) == 0, "sethostname");
    child_ready();
    wait_for_go();
    check(gethostname(name, sizeof name) == 0 && strcmp(name, "inside") == 0,
          "the name after a refused dump");
}

int main(void)
{
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
