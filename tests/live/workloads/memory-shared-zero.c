// without: mm.vmas.shmid
// /dev/zero mapped shared is shared memory as well; and an area shared with nobody keeps its contents.
#include "workload.h"

enum { kSize = 64 * 1024 };

static unsigned *zero;

static void child(void)
{
    child_ready();
    wait_for_go();
    check_equal(zero[5], 555, "contents, in the child");
    zero[6] = 666;
}

int main(void)
{
    int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    zero = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned *lonely = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(zero != MAP_FAILED && lonely != MAP_FAILED && close(fd) == 0, "mmap");
    zero[5] = 555;
    lonely[kSize / 4 - 1] = 777;
    pid_t pid = start_child(child);
    munmap(lonely, kSize / 2);
    ready();
    wait_for_go();
    child_passed(pid);
    check_equal(zero[6], 666, "what the child wrote");
    check_equal(lonely[kSize / 4 - 1], 777, "memory shared with nobody");
    pass();
}
