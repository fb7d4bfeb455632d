// without: mm.cr_memory_merge
// All pages that are equal may be merged (PR_SET_MEMORY_MERGE), but for an area that was excluded.
#include "workload.h"

enum { kSetMerge = 67, kGetMerge = 68, kSize = 64 * 1024 };

int main(void)
{
    char *apart = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(apart, 1, kSize);
    if (prctl(kSetMerge, 1, 0, 0, 0) != 0)
        skip("no PR_SET_MEMORY_MERGE");
    check(madvise(apart, kSize, MADV_UNMERGEABLE) == 0, "MADV_UNMERGEABLE");
    ready();
    wait_for_go();
    check_equal(prctl(kGetMerge, 0, 0, 0, 0), 1, "merging");
    pass(); // which areas take part the harness compares
}
