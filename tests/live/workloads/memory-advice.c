// without: mm.vmas.madv
// What madvise() was told about an area, as the area's flags show it.
#include "workload.h"

enum { kSize = 64 * 1024 };

static const struct {
    int advice;
    const char *flag;
} advices[] = {{MADV_DONTFORK, " dc"},   {MADV_DONTDUMP, " dd"},   {MADV_SEQUENTIAL, " sr"},
               {MADV_RANDOM, " rr"},     {MADV_WIPEONFORK, " wf"}, {MADV_HUGEPAGE, " hg"},
               {MADV_NOHUGEPAGE, " nh"}, {MADV_MERGEABLE, " mg"}};

enum { kAdvices = sizeof advices / sizeof *advices };

static int has_flag(void *area, const char *flag)
{
    char line[1024], start[32];
    int inside = 0;
    FILE *file = fopen("/proc/self/smaps", "re");
    snprintf(start, sizeof start, "%lx-", (unsigned long)area);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, start, strlen(start)) == 0)
            inside = 1;
        if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            fclose(file);
            return strstr(line, flag) != NULL;
        }
    }
    check(0, "the area is not there");
    return 0;
}

int main(void)
{
    void *areas[kAdvices];
    int taken[kAdvices];
    for (int i = 0; i < kAdvices; ++i) {
        check(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "mmap");
        areas[i] = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(areas[i], i + 1, 5000);
        taken[i] = madvise(areas[i], kSize, advices[i].advice) == 0 && has_flag(areas[i], advices[i].flag);
        check(taken[i] || i > 4, "madvise"); // the last ones are options of the kernel's build
    }
    ready();
    wait_for_go();
    for (int i = 0; i < kAdvices; ++i) {
        check_equal(has_flag(areas[i], advices[i].flag), taken[i], advices[i].flag);
        check_equal(*(char *)areas[i], i + 1, "contents");
    }
    pass();
}
