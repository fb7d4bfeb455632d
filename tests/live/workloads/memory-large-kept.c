// without: mm.cr_large
// What was on transparent huge pages is so again, whether the area's advice or a single call (MADV_COLLAPSE) got
// it there; memory that was on small pages is so again, though its advice would give it large ones now. Large
// pages are switched off for the process, so that nobody but a restore changes any of it.
#include "workload.h"

enum { kCollapse = 25 /* MADV_COLLAPSE */ };
static const size_t kLarge = 2UL << 20;

// Areas apart from each other, each `count` large pages long.
static char *area(unsigned count)
{
    char *at = mmap(NULL, (count + 2) * kLarge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(at != MAP_FAILED, "mmap");
    char *aligned = (char *)(((uintptr_t)at + kLarge) & -kLarge);
    check(mprotect(aligned, count * kLarge, PROT_READ | PROT_WRITE) == 0, "mprotect");
    return aligned;
}

static unsigned long large_kb(const char *at)
{
    unsigned long begin, end, kb;
    char line[512];
    int here = 0;
    FILE *file = fopen("/proc/self/smaps", "re");
    check(file != NULL, "smaps");
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            here = begin <= (uintptr_t)at && (uintptr_t)at < end;
        else if (here && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1) {
            fclose(file);
            return kb;
        }
    }
    check(0, "the area is not in smaps");
    return 0;
}

static void fill(char *at, size_t size, size_t step)
{
    for (size_t i = 0; i < size; i += step)
        *(size_t *)(at + i) = i * 2654435761u + 1;
}

static void is_filled(const char *at, size_t size, size_t step)
{
    for (size_t i = 0; i < size; i += step)
        if (*(const size_t *)(at + i) != i * 2654435761u + 1)
            check(0, "contents");
}

int main(void)
{
    char *advised = area(2), *collapsed = area(2), *small = area(3);
    check(madvise(advised, 2 * kLarge, MADV_HUGEPAGE) == 0, "no transparent huge pages");
    fill(advised, 2 * kLarge, 64);
    if (large_kb(advised) != 2 * kLarge / 1024)
        skip("the kernel gives no large pages here\n");
    check(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0, "PR_SET_THP_DISABLE");
    fill(small, 3 * kLarge, kLarge / 4);
    fill(collapsed, 2 * kLarge, 64);
    check(madvise(small, 3 * kLarge, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
    check(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0, "PR_SET_THP_DISABLE");
    int can_collapse = madvise(collapsed, 2 * kLarge, kCollapse) == 0;
    check(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0, "PR_SET_THP_DISABLE");
    unsigned long before = large_kb(small); // unless khugepaged was quick
    ready();
    wait_for_go();
    is_filled(advised, 2 * kLarge, 64);
    is_filled(collapsed, 2 * kLarge, 64);
    is_filled(small, 3 * kLarge, kLarge / 4);
    check_equal(large_kb(advised), 2 * kLarge / 1024, "what was advised");
    if (can_collapse)
        check_equal(large_kb(collapsed), 2 * kLarge / 1024, "what was collapsed");
    check_equal(large_kb(small), before, "what was small");
    pass();
}
