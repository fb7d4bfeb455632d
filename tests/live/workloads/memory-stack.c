// without: mm.vmas.flags, mm.mm_start_stack
// Stacks that grow: the main one, and an area mapped to grow downwards.
#include "workload.h"

static int deep(int level)
{
    volatile char frame[4096];
    frame[level % 4096] = level;
    return level == 0 ? 0 : deep(level - 1) + (frame[level % 4096] == (char)level);
}

int main(void)
{
    enum { kSize = 64 * 1024, kRoom = 4 << 20 };
    char *room = mmap(NULL, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(room != MAP_FAILED && munmap(room, kRoom) == 0, "mmap");
    char *top = room + kRoom - kSize;
    check(mmap(top, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED,
               -1, 0) == top,
          "mmap");
    memset(top, 7, kSize);
    for (int page = 1; page <= 3; ++page)
        top[-4096 * page] = page;
    check_equal(deep(20), 20, "set-up");
    ready();
    wait_for_go();
    for (int page = 1; page <= 3; ++page)
        check_equal(top[-4096 * page], page, "a page that the area grew by");
    check_equal(top[kSize - 1], 7, "the area");
    for (int page = 4; page <= 20; ++page)
        top[-4096 * page] = page;
    check_equal(deep(500), 500, "the main stack");
    pass();
}
