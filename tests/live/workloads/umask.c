// without: fs.umask
// The file mode creation mask, of a parent and of its child.
#include "workload.h"

static void child(void)
{
    umask(0137);
    child_ready();
    wait_for_go();
    check_equal(umask(0), 0137, "the child's mask");
}

int main(void)
{
    pid_t pid = start_child(child);
    umask(0051);
    ready();
    wait_for_go();
    check_equal(umask(0), 0051, "the mask");
    child_passed(pid);
    pass();
}
