// without: mm.vmas.status
// The vDSO works after the restore, and time goes forward through it.
#include "workload.h"
#include <sys/auxv.h>

int main(void)
{
    struct timespec fast, slow, before;
    unsigned cpu = ~0u;
    unsigned long base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0)
        skip("there is no vDSO\n");
    check(clock_gettime(CLOCK_MONOTONIC, &before) == 0, "clock_gettime");
    ready();
    wait_for_go();
    check_equal(getauxval(AT_SYSINFO_EHDR), base, "the place of the vDSO");
    check(memcmp((void *)base, "\177ELF", 4) == 0, "there is no vDSO at its place");
    for (int i = 0; i < 1000; ++i) {
        check(clock_gettime(CLOCK_MONOTONIC, &fast) == 0, "clock_gettime");
        check(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &slow) == 0, "clock_gettime by system call");
        long long ahead = (slow.tv_sec - fast.tv_sec) * 1000000000LL + slow.tv_nsec - fast.tv_nsec;
        check(ahead >= 0 && ahead < 10000000000LL, "the vDSO's clock");
    }
    check(fast.tv_sec >= before.tv_sec && fast.tv_sec < before.tv_sec + 3600, "time went astray");
    check(time(NULL) > 1600000000 && getcpu(&cpu, NULL) == 0 && cpu < 4096, "other functions of the vDSO");
    pass();
}
