// refused: fuse, loop
// Several things that cannot be kept, in two tasks: all of them are told, not only the first.
#include "workload.h"

static void child(void)
{
    check(open("/dev/fuse", O_RDWR) >= 0, "set-up");
    child_ready();
    wait_for_go();
}

int main(void)
{
    if (access("/dev/fuse", R_OK) != 0 || open("/dev/loop-control", O_RDWR) < 0)
        skip("no devices: %s\n", strerror(errno));
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
