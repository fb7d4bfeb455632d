// without: core.thread_core.creds.cap_inh, core.thread_core.creds.cap_prm, core.thread_core.creds.cap_eff
// without: core.thread_core.creds.cap_bnd, core.thread_core.creds.cap_amb
// The five capability sets, all different.
#include "workload.h"
#include <linux/capability.h>

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

int main(void)
{
    struct __user_cap_data_struct before[2], after[2];
    check(prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0) == 0 && prctl(PR_CAPBSET_DROP, 39, 0, 0, 0) == 0,
          "set-up");
    check(syscall(SYS_capget, &header, before) == 0, "capget");
    before[0].inheritable = 1 << CAP_CHOWN | 1 << CAP_NET_RAW | 1 << CAP_KILL;
    before[0].permitted &= ~(1u << CAP_SYS_BOOT);
    before[0].effective &= ~(1u << CAP_SYS_BOOT | 1u << CAP_SYS_TIME);
    check(syscall(SYS_capset, &header, before) == 0, "capset");
    check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0, "PR_CAP_AMBIENT_RAISE");
    ready();
    wait_for_go();
    check(syscall(SYS_capget, &header, after) == 0, "capget");
    for (int i = 0; i < 2; ++i) {
        check_equal(after[i].inheritable, before[i].inheritable, "the inheritable set");
        check_equal(after[i].permitted, before[i].permitted, "the permitted set");
        check_equal(after[i].effective, before[i].effective, "the effective set");
    }
    check_equal(prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0), 0, "the bounding set");
    check_equal(prctl(PR_CAPBSET_READ, 39, 0, 0, 0), 0, "the bounding set");
    check_equal(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0), 1, "the bounding set");
    check_equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0), 1, "the ambient set");
    check_equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0, "the ambient set");
    pass();
}
