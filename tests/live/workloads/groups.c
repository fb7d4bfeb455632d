// without: core.thread_core.creds.groups
// Supplementary groups.
#include "workload.h"
#include <grp.h>

int main(void)
{
    gid_t wanted[100], got[200];
    for (int i = 0; i < 100; ++i)
        wanted[i] = 100000 + i * 3;
    check(setgroups(100, wanted) == 0, "setgroups");
    ready();
    wait_for_go();
    check_equal(getgroups(200, got), 100, "the number of groups");
    check(memcmp(wanted, got, sizeof wanted) == 0, "a group");
    pass();
}
