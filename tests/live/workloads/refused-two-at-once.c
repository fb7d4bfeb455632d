// refused: inotify, memfd
// Several things that cannot be kept, in two tasks: all of them are told, not only the first.
#include "workload.h"
#include <sys/inotify.h>

static void child(void)
{
    check(memfd_create("held", 0) >= 0, "set-up");
    child_ready();
    wait_for_go();
}

int main(void)
{
    check(inotify_init() >= 0, "set-up");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
