// without: core.tc.child_subreaper, mm.thp_disabled, core.tc.membarrier_registration_mask
// Switches of a process: child subreaper, no transparent huge pages, membarrier registrations.
#include "workload.h"
#include <linux/membarrier.h>

enum { kGetRegistrations = 1 << 9 };

int main(void)
{
    int reaper = 0;
    check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0, "prctl");
    check(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0, "membarrier");
    long registered = syscall(SYS_membarrier, kGetRegistrations, 0, 0);
    ready();
    wait_for_go();
    check(prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0 && reaper == 1, "child subreaper");
    check_equal(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1, "PR_SET_THP_DISABLE");
    if (registered >= 0)
        check_equal(syscall(SYS_membarrier, kGetRegistrations, 0, 0), registered, "membarrier registrations");
    check(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0, "the registered membarrier");
    pass();
}
