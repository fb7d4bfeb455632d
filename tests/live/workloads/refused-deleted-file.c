// refused: deleted|unlinked|no.name
// A file that is open and has no name any more.
#include "workload.h"

int main(void)
{
    char byte = 0;
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(write(fd, "d", 1) == 1 && unlink("data") == 0, "set-up");
    ready();
    wait_for_go();
    check(pread(fd, &byte, 1, 0) == 1 && byte == 'd', "the file after a refused dump");
    check(access("data", F_OK) == -1, "the file got a name");
    pass();
}
