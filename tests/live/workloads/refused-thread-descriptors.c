// refused: descriptor table of its own
// A thread that has left the descriptor table of its process.
#include "workload.h"

static volatile int unshared;

static void *body(void *unused)
{
    check(unshare(CLONE_FILES) == 0, "unshare");
    close(0);
    unshared = 1;
    while (unshared == 1)
        sleep_ms(1);
    return unused;
}

int main(void)
{
    check(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0, "set-up");
    pthread_t thread = start_thread(body, NULL);
    while (!unshared)
        sleep_ms(1);
    ready();
    wait_for_go();
    check(fcntl(0, F_GETFD) >= 0, "the descriptor that the thread closed in its own table");
    unshared = 2;
    join_thread(thread);
    pass();
}
