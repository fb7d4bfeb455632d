// without: pstree.ppid
// A parent blocked in wait4() gets the child that ends later.
#include "workload.h"

static pid_t child;

static void body(void)
{
    child_ready();
    wait_for_go();
    _exit(9);
}

static void waiter(void)
{
    int status;
    check_equal(waitpid(child, &status, 0), child, "the child waited for");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 9, "how it ended");
}

int main(void)
{
    child = start_child(body);
    pthread_t thread = start_blocked(waiter, SYS_wait4);
    ready();
    wait_for_go();
    join_thread(thread);
    pass();
}
