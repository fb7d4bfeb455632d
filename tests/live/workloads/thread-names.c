// without: core.thread_core.comm
// Names of threads, of the leader and of another, with characters that /proc has to quote.
#include "workload.h"

static volatile int set_up;

static void *thread(void *unused)
{
    char name[16];
    (void)unused;
    prctl(PR_SET_NAME, "x) S 1 (\n\\");
    set_up = 1;
    wait_for_go();
    prctl(PR_GET_NAME, name);
    check(strcmp(name, "x) S 1 (\n\\") == 0, "the thread's name");
    return NULL;
}

int main(void)
{
    char name[16];
    prctl(PR_SET_NAME, "fifteen letters");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    prctl(PR_GET_NAME, name);
    check(strcmp(name, "fifteen letters") == 0, "the leader's name");
    join_thread(other);
    pass();
}
