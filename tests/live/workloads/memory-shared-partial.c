// without: mm.vmas.pgoff, mm.vmas.shmid
// Shared memory of which parent and child have unmapped different parts: what is left fits together.
#include "workload.h"

enum { kPage = 4096 };

static unsigned char *area;

static void child(void)
{
    munmap(area + 4 * kPage, 8 * kPage);
    child_ready();
    wait_for_go();
    check_equal(area[3 * kPage], 3, "a page before the hole");
    check_equal(area[13 * kPage], 13, "a page after the hole");
    for (int tries = 0; *(volatile unsigned char *)(area + 14 * kPage) != 0xee; ++tries, sleep_ms(1))
        check(tries < 2000, "what the parent writes does not come");
    *(volatile unsigned char *)(area + 3 * kPage) = 0xdd;
}

int main(void)
{
    area = mmap(NULL, 16 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    for (int page = 0; page < 16; ++page)
        area[page * kPage] = page;
    pid_t pid = start_child(child);
    munmap(area, 2 * kPage);
    unsigned char *moved = mremap(area + 12 * kPage, 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                                  mmap(NULL, 4 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    check(moved != MAP_FAILED, "mremap");
    ready();
    wait_for_go();
    for (int page = 2; page < 12; ++page)
        check_equal(area[page * kPage], page, "a page that only the parent may have");
    check_equal(moved[0], 12, "a page at its new place");
    moved[2 * kPage] = 0xee;
    child_passed(pid);
    check_equal(area[3 * kPage], 0xdd, "what the child wrote");
    pass();
}
