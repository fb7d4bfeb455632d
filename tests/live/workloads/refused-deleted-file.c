// refused: deleted|--ghost-limit
// A deleted file that is larger than what the images take.
#include "workload.h"

#include <sys/vfs.h>

int main(void)
{
    static char block[1 << 20];
    char byte = 0;
    struct statfs system;
    check(statfs(".", &system) == 0, "statfs");
    if (system.f_type == 0x01021994)
        skip("files here are memory (tmpfs), for which there is no limit");
    memset(block, 'd', sizeof block);
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < 3; i++)
        check(write(fd, block, sizeof block) == sizeof block, "write");
    check(unlink("data") == 0, "set-up");
    ready();
    wait_for_go();
    check(pread(fd, &byte, 1, 0) == 1 && byte == 'd', "the file after a refused dump");
    check(access("data", F_OK) == -1, "the file got a name");
    pass();
}
