// without: pagemap
// Memory by way of /dev/zero, as old programs get theirs: private (with its name in maps), and shared with a
// child.
#include "workload.h"

static char *shared, *private;

static void child(void)
{
    private[5000] = 'k';
    shared[1] = 'c';
    child_ready();
    wait_for_go();
    while (shared[2] != 'p')
        sleep_ms(1);
    shared[1] = private[5000] == 'k' && private[1] == 'o' ? 'd' : 'x';
    _exit(0);
}

int main(void)
{
    int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    private = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    shared = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(private != MAP_FAILED && shared != MAP_FAILED && close(fd) == 0, "mmap");
    private[1] = 'o';
    private[5000] = 'q';
    shared[60000] = 's';
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(private[1], 'o', "a private page");
    check_equal(private[5000], 'q', "a page that the child has changed");
    check_equal(private[30000], 0, "a page that was never touched");
    check_equal(shared[60000], 's', "a shared page");
    check_equal(shared[1], 'c', "what the child wrote");
    shared[2] = 'p';
    check(waitpid(pid, NULL, 0) == pid, "wait");
    check_equal(shared[1], 'd', "what the child has, and writes afterwards");
    pass();
}
