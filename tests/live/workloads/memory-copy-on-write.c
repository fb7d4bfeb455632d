// without: mm.vmas.start
// Memory that a child has from its parent and neither has written to is in the machine once, not twice.
#include "workload.h"

enum { kPages = 256, kPage = 4096 };

static unsigned char *area;

static unsigned long frame_of(const char *pagemap, int page)
{
    uint64_t entry = 0;
    int fd = open(pagemap, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && pread(fd, &entry, 8, ((uintptr_t)area / kPage + page) * 8) == 8 && close(fd) == 0,
          pagemap);
    return entry >> 63 ? entry & ((1UL << 55) - 1) : 0;
}

static int shared_frames(pid_t child)
{
    char path[64];
    int same = 0;
    snprintf(path, sizeof path, "/proc/%d/pagemap", child);
    for (int page = 0; page < kPages; ++page) {
        unsigned long mine = frame_of("/proc/self/pagemap", page);
        same += mine != 0 && mine == frame_of(path, page);
    }
    return same;
}

static void child(void)
{
    for (int page = 0; page < 10; ++page)
        area[page * kPage] = 0xcc;
    child_ready();
    wait_for_go();
    for (int page = 0; page < kPages; ++page)
        check_equal(area[page * kPage], page < 10 ? 0xcc : page % 200 + 1, "the child's memory");
    live_go = "counted";
    wait_for_go();
}

int main(void)
{
    area = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    madvise(area, kPages * kPage, MADV_NOHUGEPAGE);
    for (int page = 0; page < kPages; ++page)
        memset(area + page * kPage, page % 200 + 1, kPage);
    pid_t pid = start_child(child);
    for (int page = 246; page < kPages; ++page)
        area[page * kPage] = 0xdd;
    int before = shared_frames(pid);
    if (frame_of("/proc/self/pagemap", 100) == 0)
        skip("the kernel does not show page frames\n");
    check_equal(before, kPages - 20, "set-up");
    ready();
    wait_for_go();
    check_equal(shared_frames(pid), before, "page frames that parent and child share");
    for (int page = 0; page < kPages; ++page)
        check_equal(area[page * kPage], page >= 246 ? 0xdd : page % 200 + 1, "the parent's memory");
    check(close(open("counted", O_CREAT | O_WRONLY, 0644)) == 0, "open");
    child_passed(pid);
    pass();
}
