// without: memfd.shmid, memfd.size
// Mappings of memfds: shared with a child while no descriptor is left, private with pages of its own,
// read-only.
#include "workload.h"

static char *shared;

static void child(void)
{
    shared[1] = 'c';
    child_ready();
    wait_for_go();
    while (shared[2] != 'p')
        sleep_ms(1);
    shared[1] = 'd';
    _exit(0);
}

int main(void)
{
    int fd = memfd_create("held", MFD_CLOEXEC);
    check(fd >= 0 && ftruncate(fd, 64 << 20) == 0, "set-up");
    shared = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    char *fixed = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 8192);
    check(shared != MAP_FAILED && private != MAP_FAILED && fixed != MAP_FAILED && close(fd) == 0, "set-up");
    shared[5000] = 'm';
    shared[8192] = 'f';
    shared[60 << 20] = 'e';
    private[1] = 'o';
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(shared[5000], 'm', "shared memory");
    check_equal(shared[60 << 20], 'e', "its end");
    check_equal(fixed[0], 'f', "a mapping that may be read only");
    check_equal(private[1], 'o', "a private page");
    check_equal(shared[1], 'c', "what the child wrote");
    shared[8193] = 'g';
    check_equal(fixed[1], 'g', "both map one file");
    shared[2] = 'p';
    check(waitpid(pid, NULL, 0) == pid, "wait");
    check_equal(shared[1], 'd', "what the child wrote afterwards");
    pass();
}
