// without: mm.mm_saved_auxv
// The auxiliary vector that the kernel keeps for /proc.
#include "workload.h"
#include <sys/auxv.h>

static size_t read_vector(unsigned long *vector, size_t size)
{
    int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, vector, size);
    check(fd >= 0 && length > 0 && close(fd) == 0, "/proc/self/auxv");
    return length;
}

int main(void)
{
    unsigned long before[256], after[256];
    size_t length = read_vector(before, sizeof before);
    ready();
    wait_for_go();
    check_equal(read_vector(after, sizeof after), length, "the length of the auxiliary vector");
    check(memcmp(before, after, length) == 0, "the auxiliary vector");
    for (size_t i = 0; i + 1 < length / sizeof *after; i += 2)
        if (after[i] == AT_SYSINFO_EHDR)
            check(memcmp((void *)after[i + 1], "\177ELF", 4) == 0, "there is no vDSO where the vector says");
    pass();
}
