// refused: lock; use --file-locks
// A lock on a file, without the option that permits it.
#include "workload.h"
#include <sys/file.h>

int main(void)
{
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644), other = open("data", O_RDWR | O_CLOEXEC);
    check(flock(fd, LOCK_EX) == 0, "set-up");
    ready();
    wait_for_go();
    check(flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock after a refused dump");
    pass();
}
