// without: core.tc.rlimits
// Resource limits, soft and hard.
#include "workload.h"
#include <sys/resource.h>

int main(void)
{
    static const int kinds[] = {RLIMIT_CORE,    RLIMIT_CPU,      RLIMIT_DATA,   RLIMIT_FSIZE,
                                RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NOFILE, RLIMIT_SIGPENDING,
                                RLIMIT_NICE,    RLIMIT_RTPRIO,   RLIMIT_STACK,  RLIMIT_AS};
    struct rlimit wanted[12], now;
    for (int i = 0; i < 12; ++i) {
        check(getrlimit(kinds[i], &wanted[i]) == 0, "getrlimit");
        if (wanted[i].rlim_max == RLIM_INFINITY)
            wanted[i].rlim_max = 1L << 45;
        if (wanted[i].rlim_max > 10)
            wanted[i].rlim_max -= 5;
        wanted[i].rlim_cur = wanted[i].rlim_max - wanted[i].rlim_max / 8;
        check(setrlimit(kinds[i], &wanted[i]) == 0, "setrlimit");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 12; ++i) {
        check(getrlimit(kinds[i], &now) == 0, "getrlimit");
        check_equal(now.rlim_cur, wanted[i].rlim_cur, "a soft limit");
        check_equal(now.rlim_max, wanted[i].rlim_max, "a hard limit");
    }
    pass();
}
