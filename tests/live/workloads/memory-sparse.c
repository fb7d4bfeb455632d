// without: pagemap.vaddr
// Sixteen GiB of address space with a page here and there: those come back, and no others.
#include "workload.h"

enum { kPages = 64 };
static const size_t kSize = 16UL << 30;

static volatile unsigned long *at(char *area, int i)
{
    return (volatile unsigned long *)(area + i * (kSize / kPages) + i * 4096UL * 5);
}

int main(void)
{
    char *area =
        mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
        skip("no 16 GiB of address space: %s\n", strerror(errno));
    madvise(area, kSize, MADV_NOHUGEPAGE);
    for (int i = 0; i < kPages; ++i)
        *at(area, i) = i * 0x0101010101010101UL + 1;
    ready();
    wait_for_go();
    check(proc_value("/proc/self/status", "RssAnon:", 10) < 4096, "memory was filled that was empty");
    for (int i = 0; i < kPages; ++i) {
        check_equal(*at(area, i), i * 0x0101010101010101UL + 1, "a page");
        check_equal(at(area, i)[512], 0, "the hole after it");
    }
    pass();
}
