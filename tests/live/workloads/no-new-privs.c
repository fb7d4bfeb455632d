// without: core.thread_core.creds.no_new_privs
// no_new_privs of one thread, which another does not have.
#include "workload.h"

static volatile int set_up;

static void *thread(void *unused)
{
    (void)unused;
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
    set_up = 1;
    wait_for_go();
    check_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "no_new_privs of the thread that set it");
    return NULL;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0, "no_new_privs of the leader");
    join_thread(other);
    pass();
}
