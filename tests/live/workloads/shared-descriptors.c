// without: ids.files_id
// A descriptor table shared by a process, its child and a grandchild, and one shared by two brothers.
#include "workload.h"

static int first_fd, gap_fd;
static volatile int *checked; // how many of the three have compared

// A process that has the given things in common with the one that clones it, on memory of its own.
static pid_t clone_sharing(unsigned long flags)
{
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void report(int fd, char what) { check(write(fd, &what, 1) == 1, "cannot tell the parent"); }

static void grandchild(int number)
{
    while (*checked < 3)
        sleep_ms(1);
    int fd = open("/dev/zero", O_RDONLY); // shows in the others' tables
    char byte = 1;
    check(dup2(fd, number) == number && read(number, &byte, 1) == 1 && byte == 0, "a new descriptor");
    close(fd);
    _exit(0);
}

int main(void)
{
    int ends[2], status;
    char byte;
    checked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(pipe(ends) == 0, "pipe");
    first_fd = open("/etc/passwd", O_RDONLY);
    gap_fd = fcntl(first_fd, F_DUPFD_CLOEXEC, 60);
    pid_t child = clone_sharing(CLONE_FILES);
    if (child == 0) {
        pid_t below = clone_sharing(CLONE_FILES);
        if (below == 0) {
            report(ends[1], 'g');
            grandchild(100);
        }
        wait_for_go();
        check(syscall(SYS_kcmp, getpid(), below, 2, 0, 0) == 0, "the grandchild's table");
        __atomic_add_fetch(checked, 1, __ATOMIC_SEQ_CST);
        check(waitpid(below, &status, 0) == below, "wait");
        _exit(status ? 1 : 0);
    }
    pid_t brother = fork();
    if (brother == 0) {
        pid_t other = clone_sharing(CLONE_FILES | CLONE_PARENT);
        if (other == 0) {
            report(ends[1], 'o');
            grandchild(101);
        }
        report(ends[1], 'b');
        wait_for_go();
        check(syscall(SYS_kcmp, getpid(), other, 2, 0, 0) == 0, "the brother's table");
        check(syscall(SYS_kcmp, getpid(), getppid(), 2, 0, 0) != 0, "the parent's table");
        __atomic_add_fetch(checked, 1, __ATOMIC_SEQ_CST);
        for (int tries = 0; fcntl(101, F_GETFD) < 0; ++tries, sleep_ms(1))
            check(tries < 20000, "what the brother opened does not come");
        check(fcntl(100, F_GETFD) < 0, "what others opened");
        _exit(0);
    }
    for (int i = 0; i < 3; ++i)
        check(read(ends[0], &byte, 1) == 1, "the children");
    ready();
    wait_for_go();
    check(syscall(SYS_kcmp, getpid(), child, 2, 0, 0) == 0, "the child's table");
    check(syscall(SYS_kcmp, getpid(), brother, 2, 0, 0) != 0, "another child's table");
    check(fcntl(gap_fd, F_GETFD) == FD_CLOEXEC && fcntl(first_fd, F_GETFD) == 0, "the descriptors");
    __atomic_add_fetch(checked, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; ++i) {
        check(wait(&status) > 0, "a child is missing");
        check_equal(status, 0, "a child failed");
    }
    check(read(100, &byte, 1) == 1 && byte == 0, "what the grandchild opened");
    check(fcntl(101, F_GETFD) < 0, "what the brother opened");
    pass();
}
