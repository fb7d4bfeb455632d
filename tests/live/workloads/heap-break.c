// without: mm.mm_brk, mm.mm_start_brk
// The heap made by brk(): its contents, its end, and that it goes on growing there.
#include "workload.h"

enum { kSize = 300 * 1024 + 17 };

int main(void)
{
    unsigned char *heap = sbrk(kSize);
    check(heap != (void *)-1, "sbrk");
    for (int i = 0; i < kSize; ++i)
        heap[i] = i * 11;
    char *end = sbrk(0);
    ready();
    wait_for_go();
    check_equal((long)sbrk(0), (long)end, "the end of the heap");
    for (int i = 0; i < kSize; ++i)
        check_equal(heap[i], (unsigned char)(i * 11), "a byte on the heap");
    check(sbrk(1 << 20) == end, "the heap does not grow where it ended");
    memset(end, 1, 1 << 20);
    check(sbrk(-(1 << 20)) == end + (1 << 20), "the heap does not shrink");
    pass();
}
