// without: fdinfo.fd, files.reg.pos
// Five hundred open files with gaps between their numbers; the next open takes the lowest gap.
#include "workload.h"

enum { kFiles = 500 };

int main(void)
{
    int fds[kFiles];
    char byte, content[kFiles];
    for (int i = 0; i < kFiles; ++i)
        content[i] = i % 251;
    int file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(write(file, content, kFiles) == kFiles, "set-up");
    for (int i = 0; i < kFiles; ++i)
        check((fds[i] = open("data", O_RDONLY | O_CLOEXEC)) >= 0 && lseek(fds[i], i, SEEK_SET) == i,
              "set-up");
    for (int i = 10; i < kFiles; i += 10)
        close(fds[i]);
    ready();
    wait_for_go();
    for (int i = 0; i < kFiles; ++i) {
        if (i >= 10 && i % 10 == 0)
            check(fcntl(fds[i], F_GETFD) == -1, "a closed descriptor is open");
        else
            check(read(fds[i], &byte, 1) == 1 && byte == content[i], "the position of a descriptor");
    }
    check_equal(open("data", O_RDONLY), fds[10], "the lowest free number");
    pass();
}
