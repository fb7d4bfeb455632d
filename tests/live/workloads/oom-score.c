// without: core.tc.oom_score_adj
// oom_score_adj.
#include "workload.h"

int main(void)
{
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    check(write(fd, "345", 3) == 3 && close(fd) == 0, "set-up");
    ready();
    wait_for_go();
    check_equal(proc_value("/proc/self/oom_score_adj", "", 10), 345, "oom_score_adj");
    pass();
}
