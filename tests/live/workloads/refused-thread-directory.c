// refused: working directory of its own
// A thread that has a working directory of its own.
#include "workload.h"

static volatile int moved;

static void *body(void *unused)
{
    check(unshare(CLONE_FS) == 0 && chdir("/proc") == 0, "set-up");
    moved = 1;
    while (moved == 1)
        sleep_ms(1);
    char path[64];
    check(getcwd(path, sizeof path) && strcmp(path, "/proc") == 0, "the thread's directory");
    return unused;
}

int main(void)
{
    pthread_t thread = start_thread(body, NULL);
    while (!moved)
        sleep_ms(1);
    ready();
    wait_for_go();
    moved = 2;
    join_thread(thread);
    pass();
}
