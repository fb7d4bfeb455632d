// without: core.thread_core.seccomp_mode, seccomp.seccomp_filters
// A filter is inherited over fork, and each side adds one of its own.
#include "../seccomp.h"

static int calls[2] = {SYS_getpgrp, SYS_getuid};

static void child(void)
{
    fail_call(SYS_getgid, 43, 0);
    child_ready();
    wait_for_go();
    check_equal(error_of(SYS_getpgrp), 41, "the filter of both, in the child");
    check_equal(error_of(SYS_getgid), 43, "the child's filter");
    check_equal(error_of(SYS_getuid), 0, "the parent's filter, in the child");
}

int main(void)
{
    no_new_privileges();
    fail_call(calls[0], 41, 0);
    pid_t pid = start_child(child);
    fail_call(calls[1], 42, SECCOMP_FILTER_FLAG_LOG);
    ready();
    wait_for_go();
    check_equal(error_of(SYS_getpgrp), 41, "the filter of both");
    check_equal(error_of(SYS_getuid), 42, "the parent's filter");
    check_equal(error_of(SYS_getgid), 0, "the child's filter, in the parent");
    child_passed(pid);
    pass();
}
