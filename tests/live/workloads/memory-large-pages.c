// without: pagemap.vaddr
// Memory on transparent huge pages, and a program that changes some of it later.
#include "workload.h"

static const size_t kSize = 8UL << 20;

int main(void)
{
    char *area = mmap(NULL, kSize + (2UL << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    unsigned *aligned = (unsigned *)(((uintptr_t)area + (2UL << 20) - 1) & -(2UL << 20));
    madvise(aligned, kSize, MADV_HUGEPAGE);
    for (size_t i = 0; i < kSize / 4; ++i)
        aligned[i] = i * 2654435761u;
    ready();
    wait_for_go();
    for (size_t i = 0; i < kSize / 4; ++i)
        if (aligned[i] != (unsigned)(i * 2654435761u))
            check(0, "a word");
    memset(aligned, 1, kSize);
    pass();
}
