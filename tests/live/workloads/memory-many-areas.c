// without: mm.vmas.prot
// Two thousand areas.
#include "workload.h"

enum { kAreas = 2000, kPage = 4096 };

int main(void)
{
    unsigned char *area =
        mmap(NULL, kAreas * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    for (int i = 0; i < kAreas; ++i) {
        if (i % 4 == 0)
            area[i * kPage] = i / 8 + 1;
        check(mprotect(area + i * kPage, kPage, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE) == 0, "mprotect");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < kAreas; ++i)
        check_equal(area[i * kPage], i % 4 == 0 ? (unsigned char)(i / 8 + 1) : 0, "a page");
    check(access((char *)area + kPage, F_OK) == -1, "a page can be read");
    for (int i = 0; i < kAreas; i += 2)
        area[i * kPage] = 1;
    pass();
}
