// without: pstree.pid
// A task with no descriptor at all, and one whose standard streams are other things.
#include "workload.h"

static void without_any(void)
{
    check(close_range(0, live_child_pipe - 1, 0) == 0 && close_range(live_child_pipe + 1, ~0u, 0) == 0,
          "close_range");
    child_ready();
    wait_for_go();
    _exit(fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1 && open("/dev/null", O_RDONLY) == 0 ? 0 : 1);
}

static void with_others(void)
{
    int ends[2];
    check(pipe(ends) == 0 && dup2(ends[1], 0) == 0 && dup2(ends[0], 2) == 2, "set-up");
    close(ends[0]), close(ends[1]);
    child_ready();
    wait_for_go();
    char byte;
    check(write(0, "x", 1) == 1 && read(2, &byte, 1) == 1 && byte == 'x', "the pipe at the standard streams");
}

int main(void)
{
    pid_t first = start_child(without_any), second = start_child(with_others);
    ready();
    wait_for_go();
    child_passed(first);
    child_passed(second);
    pass();
}
