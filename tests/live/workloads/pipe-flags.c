// without: files.pipe.flags
// Non-blocking and asynchronous flags, different at the two ends of a pipe, and of a duplicate opened anew.
#include "workload.h"

int main(void)
{
    int ends[2];
    char byte, path[64];
    check(pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "set-up");
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    int second = open(path, O_RDONLY | O_CLOEXEC), both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    check(second >= 0 && both >= 0, "open");
    int fds[4] = {ends[0], ends[1], second, both}, flags[4];
    for (int i = 0; i < 4; ++i)
        flags[i] = fcntl(fds[i], F_GETFL);
    ready();
    wait_for_go();
    for (int i = 0; i < 4; ++i)
        check_equal(fcntl(fds[i], F_GETFL), flags[i], "the flags of an end");
    check(read(ends[0], &byte, 1) == -1 && errno == EAGAIN, "the non-blocking end");
    check(write(both, "b", 1) == 1 && read(second, &byte, 1) == 1 && byte == 'b', "the end opened for both");
    check(write(ends[1], "c", 1) == 1 && read(both, &byte, 1) == 1 && byte == 'c', "the end opened for both");
    pass();
}
