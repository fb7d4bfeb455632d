// without: core.tc.cr_coredump_filter
// What of the memory a core dump holds.
#include "workload.h"

int main(void)
{
    int fd = open("/proc/self/coredump_filter", O_RDWR | O_CLOEXEC);
    check(write(fd, "0x5b", 4) == 4 && close(fd) == 0, "set-up");
    ready();
    wait_for_go();
    check_equal(proc_value("/proc/self/coredump_filter", "", 16), 0x5b, "the core dump filter");
    pass();
}
