// without: mm.vmas.cr_name
// Names that a program gives to its anonymous areas, as maps shows them.
#include "workload.h"

enum { kSize = 64 * 1024, kSetVma = 0x53564d41 };

static int line_has(void *at, const char *name)
{
    char line[512], start[32];
    FILE *file = fopen("/proc/self/maps", "re");
    snprintf(start, sizeof start, "%lx-", (unsigned long)at);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, start, strlen(start)) == 0)
            break;
    fclose(file);
    return strstr(line, name) != NULL;
}

int main(void)
{
    char *at = mmap(NULL, kSize * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (prctl(kSetVma, 0, at, kSize, "a name, with blanks") != 0)
        skip("areas have no names here (CONFIG_ANON_VMA_NAME)");
    int shared_too = prctl(kSetVma, 0, shared, kSize, "shared") == 0; // Linux 6.2
    ready();
    wait_for_go();
    check(line_has(at, "[anon:a name, with blanks]"), "the name is gone");
    check(!line_has(at + kSize, "[anon:"), "the area beside has a name");
    check(!shared_too || line_has(shared, "[anon_shmem:shared]"), "the name of shared memory is gone");
    pass();
}
