// modes: none, plain, running, snapshot
// A program that gives memory back and takes it again without end, so that a snapshot is overtaken by it; the
// dump then stands still for a copy. What it keeps is as it was.
// differs: */status/RssAnon, */area/*, */count/areas, */stat/vsize, */status/Vm*, */status/RssFile
// (what it has at an instant is by chance)
#include "workload.h"

enum { kSize = 48 << 20, kPage = 4096 };

int main(void)
{
    char *kept = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *given = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(kept != MAP_FAILED && given != MAP_FAILED, "mmap");
    memset(kept, 7, kSize);
    memset(given, 1, kSize);
    ready();
    const char *go = live_path("LIVE_GO");
    for (unsigned char round = 1; access(go, F_OK) != 0; round = (unsigned char)(round % 200 + 1)) {
        for (long at = 0; at < kSize; at += kPage)
            check_equal((unsigned char)given[at], round, "memory of another time");
        check(madvise(given, kSize, MADV_DONTNEED) == 0, "madvise");
        if (round % 2)
            check(munmap(given, kSize) == 0 && given == mmap(given, kSize, PROT_READ | PROT_WRITE,
                                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                  "mmap");
        memset(given, round % 200 + 1, kSize);
    }
    for (long at = 0; at < kSize; at++)
        check_equal(kept[at], 7, "what it kept");
    pass();
}
