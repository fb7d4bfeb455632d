// without: core.thread_core.creds
// Threads of one process that have different ids and capabilities (by system calls, past the C library).
#include "workload.h"
#include <grp.h>
#include <linux/capability.h>

static volatile int set_up;

static void check_ids(unsigned uid, unsigned gid)
{
    unsigned ids[3];
    check(syscall(SYS_getresuid, &ids[0], &ids[1], &ids[2]) == 0, "getresuid");
    check(ids[0] == uid && ids[1] == uid && ids[2] == uid, "the thread's uids");
    check(syscall(SYS_getresgid, &ids[0], &ids[1], &ids[2]) == 0, "getresgid");
    check(ids[0] == gid && ids[1] == gid && ids[2] == gid, "the thread's gids");
}

static unsigned effective(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    check(syscall(SYS_capget, &header, data) == 0, "capget");
    return data[0].effective;
}

static void *ordinary(void *unused)
{
    gid_t group = 77;
    (void)unused;
    check(syscall(SYS_setgroups, 1, &group) == 0 && syscall(SYS_setresgid, 600, 600, 600) == 0, "set-up");
    check(syscall(SYS_setresuid, 500, 500, 500) == 0, "set-up");
    set_up = 1;
    wait_for_go();
    check_ids(500, 600);
    check_equal(effective(), 0, "the thread's capabilities");
    check(getgroups(1, &group) == 1 && group == 77, "the thread's groups");
    return NULL;
}

int main(void)
{
    pthread_t thread = start_thread(ordinary, NULL);
    while (!set_up)
        sleep_ms(1);
    unsigned mine = effective();
    ready();
    wait_for_go();
    check_ids(0, 0);
    check_equal(effective(), mine, "the leader's capabilities");
    join_thread(thread);
    pass();
}
