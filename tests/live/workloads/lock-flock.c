// without: filelocks.type, filelocks.flag
// dump-options: -l
// differs: */lock
// Locks of open file descriptions: flock(2) and OFD locks, one shared by a parent and a child, one inherited
// from a process that is gone (which the kernel still names as the one who took it).
#include "workload.h"
#include <sys/file.h>

static int shared, mine;

static void child(void)
{
    check(close(mine) == 0, "set-up");
    child_ready();
    wait_for_go();
    check(flock(shared, LOCK_UN) == 0, "giving back what is shared");
}

static void taker(void) { check(flock(mine, LOCK_SH) == 0, "set-up"); }

int main(void)
{
    shared = open("one", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    mine = open("two", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    int ofd = open("three", O_RDWR | O_CREAT | O_CLOEXEC, 0644), directory = open(".", O_RDONLY | O_CLOEXEC);
    int one = open("one", O_RDONLY | O_CLOEXEC), two = open("two", O_RDWR | O_CLOEXEC);
    int three = open("three", O_RDWR | O_CLOEXEC), same = open(".", O_RDONLY | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
    check(flock(shared, LOCK_EX) == 0 && fcntl(ofd, F_OFD_SETLK, &lock) == 0, "set-up");
    check(flock(directory, LOCK_EX) == 0, "set-up");
    pid_t first = fork();
    if (first == 0) {
        taker();
        _exit(0);
    }
    check(waitpid(first, NULL, 0) == first, "set-up");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    check(flock(one, LOCK_EX | LOCK_NB) == 0, "the child has not given back what was shared");
    check(flock(two, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "a shared lock is gone");
    check(flock(two, LOCK_SH | LOCK_NB) == 0, "a shared lock became exclusive");
    check(fcntl(three, F_OFD_SETLK, &lock) == -1, "an OFD lock is gone");
    lock.l_start = 20;
    check(fcntl(three, F_OFD_SETLK, &lock) == 0, "an OFD lock is longer");
    check(flock(same, LOCK_SH | LOCK_NB) == -1, "the lock of a directory is gone");
    pass();
}
