// refused: lock
// A POSIX lock on a part of a file.
#include "workload.h"

int main(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fcntl(fd, F_SETLK, &lock) == 0, "set-up");
    ready();
    wait_for_go();
    lock.l_type = F_UNLCK;
    check(fcntl(fd, F_SETLK, &lock) == 0, "the lock after a refused dump");
    pass();
}
