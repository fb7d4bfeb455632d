// without: core.thread_core.creds.uid, core.thread_core.creds.egid, core.thread_core.creds.fsuid
// without: core.thread_core.creds.suid
// Real, effective, saved and file system ids of user and group, all different.
#include "workload.h"
#include <sys/fsuid.h>

int main(void)
{
    uid_t real, effective, saved;
    check(setresgid(2001, 2002, 2003) == 0 && setresuid(1001, 1002, 1003) == 0, "set-up");
    setfsgid(2001), setfsuid(1003);
    ready();
    wait_for_go();
    check_equal(setfsuid(-1), 1003, "the file system uid");
    check_equal(setfsgid(-1), 2001, "the file system gid");
    getresuid(&real, &effective, &saved);
    check(real == 1001 && effective == 1002 && saved == 1003, "the uids");
    getresgid(&real, &effective, &saved);
    check(real == 2001 && effective == 2002 && saved == 2003, "the gids");
    pass();
}
