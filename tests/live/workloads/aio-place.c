// modes: plain, pipeline, rounds
// Of all addresses that the kernel gives first, only those of the ring are free, so that a restored one would be made
// at, or partly at, the very place that it is to be moved to.
#include "aio.h"

enum { REQUESTS = 500, RING = 0x8000, LONGEST = 256 };
#define ROOM 0x4000000000ul // below it all stays free; the kernel goes downwards
#define HIGHEST 0x7ffffffff000ul

static unsigned long begins[LONGEST], ends[LONGEST];

// What lies between the areas, but for the place that a stack has to grow into (which the kernel gives to nobody).
static int find_free(void)
{
    unsigned long begin, end, last = ROOM;
    int n = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    check(maps != NULL, "maps");
    while (fgets(line, sizeof line, maps)) {
        check(sscanf(line, "%lx-%lx", &begin, &end) == 2, "a line of maps");
        unsigned long room = strstr(line, "[stack]") ? 512 << 10 : 0;
        if (begin > last + room && begin < HIGHEST) {
            check(n < LONGEST, "many areas");
            begins[n] = last;
            ends[n++] = begin - room;
        }
        if (end > last)
            last = end;
    }
    fclose(maps);
    return n;
}

int main(void)
{
    aio_context_t context = aio_setup(REQUESTS);
    void *place = (void *)0x700000000000;
    check(mremap((void *)context, RING, RING, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place, "mremap");
    context = (uintptr_t)place;
    int fd = open("/dev/zero", O_RDONLY);
    check(fd >= 0, "/dev/zero");
    aio_submit_short(context, fd, 1);
    for (int i = find_free(); i-- > 0;)
        check(mmap((void *)begins[i], ends[i] - begins[i], PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED,
              "mmap of what is free");
    ready();
    wait_for_go();
    aio_expect(context, 1, 1);
    aio_expect_none(context);
    check(syscall(SYS_io_destroy, context) == 0, "io_destroy");
    pass();
}
