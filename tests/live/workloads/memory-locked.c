// without: mm.vmas.flags
// Memory locked by mlock(), by mlock2() on fault only, and by MAP_LOCKED.
#include "workload.h"

enum { kSize = 64 * 1024 };

int main(void)
{
    char *first = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "mmap");
    char *second = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "mmap");
    char *third = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    check(first != MAP_FAILED && second != MAP_FAILED && third != MAP_FAILED, "mmap");
    check(mlock(first, kSize) == 0 && mlock2(second, kSize, MLOCK_ONFAULT) == 0, "mlock");
    first[9] = 1, second[9] = 2, third[9] = 3;
    unsigned long long locked = proc_value("/proc/self/status", "VmLck:", 10);
    check_equal(locked, 3 * kSize / 1024, "set-up");
    ready();
    wait_for_go();
    check_equal(proc_value("/proc/self/status", "VmLck:", 10), locked, "locked memory");
    check(first[9] == 1 && second[9] == 2 && third[9] == 3, "contents");
    pass();
}
