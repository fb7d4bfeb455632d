// refused: [Ll]andlock, allow-loss
// A thread that restricted itself by Landlock, in a process that did not.
#include "workload.h"

static volatile int set_up;

static void *thread(void *unused)
{
    uint64_t handled = 1; // LANDLOCK_ACCESS_FS_EXECUTE
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    long ruleset = syscall(444 /* landlock_create_ruleset */, &handled, sizeof handled, 0);
    if (ruleset < 0 || syscall(446 /* landlock_restrict_self */, ruleset, 0) != 0)
        skip("no Landlock");
    close((int)ruleset);
    set_up = 1;
    wait_for_go();
    return unused;
}

int main(void)
{
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    join_thread(other);
    pass();
}
