// without: pagemap.vaddr, mm.vmas.end
// Private anonymous memory: full, holed, zero and untouched pages.
#include "workload.h"

enum { kPages = 512, kPage = 4096 };

int main(void)
{
    unsigned char *area =
        mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    for (int page = 0; page < kPages; ++page)
        for (int i = 0; i < kPage && page % 3 == 0; ++i)
            area[page * kPage + i] = page % 2 ? page + i * 3 : 0;
    for (int page = 1; page < kPages; page += 12)
        check(((volatile unsigned char *)area)[page * kPage] == 0,
              "set-up"); // read only: the kernel's zero page
    ready();
    wait_for_go();
    for (int page = 0; page < kPages; ++page)
        for (int i = 0; i < kPage; ++i) {
            int filled = page % 3 == 0 && page % 2;
            check_equal(area[page * kPage + i], filled ? (unsigned char)(page + i * 3) : 0, "a byte");
        }
    memset(area, 0x5a, kPages * kPage);
    pass();
}
