// without: core.thread_core.pdeath_sig
// A task that asked for a signal when its parent ends still gets it, then and not before.
#include "workload.h"

static volatile int caught;

static void on_signal(int number) { caught = number; }

static void grandchild(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    int number = 0;
    sigaction(SIGUSR1, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    child_ready();
    wait_for_go();
    prctl(PR_GET_PDEATHSIG, &number);
    check_equal(number, SIGUSR1, "the parent-death signal");
    for (int tries = 0; caught == 0; ++tries, sleep_ms(1))
        check(tries < 3000, "the parent's end was not told");
}

static void child(void)
{
    start_child(grandchild);
    child_ready();
    wait_for_go();
    sleep_ms(10);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    int status = -1;
    child_passed(pid);
    check(wait(&status) > 0, "the grandchild did not come to its grandparent");
    check_equal(status, 0, "the grandchild failed");
    pass();
}
