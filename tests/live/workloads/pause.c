// without: core.tc.sigactions
// A thread in pause() stays there until a handler has run.
#include "workload.h"

static volatile int caught;

static void on_signal(int number) { caught = number; }

static void pauser(void)
{
    check(pause() == -1 && errno == EINTR, "pause");
    check_equal(caught, SIGUSR2, "pause ended with no handler run");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR2, &action, NULL);
    pthread_t thread = start_blocked(pauser, SYS_pause);
    ready();
    wait_for_go();
    check_equal(caught, 0, "a signal from nowhere");
    pthread_kill(thread, SIGUSR2);
    join_thread(thread);
    pass();
}
