// without: seccomp.seccomp_filters.prev
// A long chain of filters, installed with privilege that was given up afterwards: no_new_privs is not set.
#include "../seccomp.h"

#include <linux/capability.h>

enum { kFilters = 60 };

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    check(syscall(SYS_capset, &header, none) == 0, "capset");
}

int main(void)
{
    struct sock_filter code[] = {ALLOW};
    for (int i = 0; i < kFilters; i++)
        if (i % 20 == 10)
            fail_call(i == 10 ? SYS_getpgrp : i == 30 ? SYS_getuid : SYS_getgid, 100 + i, 0);
        else
            check(install_filter(code, 1, i % 2 ? SECCOMP_FILTER_FLAG_LOG : 0) == 0, "seccomp filter");
    drop_capabilities();
    ready();
    wait_for_go();
    check_equal(error_of(SYS_getpgrp), 110, "the oldest filter");
    check_equal(error_of(SYS_getuid), 130, "a filter in the middle");
    check_equal(error_of(SYS_getgid), 150, "the newest filter");
    check_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0, "no_new_privs");
    pass();
}
