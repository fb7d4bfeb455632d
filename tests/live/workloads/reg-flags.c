// without: files.reg.flags
// Status flags of regular files: append, non-blocking, no access time, large file; a path-only descriptor.
#include "workload.h"

int main(void)
{
    char text[16] = "", path[64], target[4096];
    int append = open("data", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int quiet = open("data", O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
    int path_only = open("data", O_PATH | O_CLOEXEC);
    check(append >= 0 && quiet >= 0 && path_only >= 0 && write(append, "12", 2) == 2, "set-up");
    int flags[2] = {fcntl(append, F_GETFL), fcntl(quiet, F_GETFL)};
    ready();
    wait_for_go();
    check_equal(fcntl(append, F_GETFL), flags[0], "the flags of the appending descriptor");
    check_equal(fcntl(quiet, F_GETFL), flags[1], "the flags of the reading descriptor");
    check(lseek(append, 0, SEEK_SET) == 0 && write(append, "34", 2) == 2, "write");
    check(read(quiet, text, sizeof text) == 4 && memcmp(text, "1234", 4) == 0, "appending");
    check(read(path_only, text, 1) == -1 && errno == EBADF, "a path-only descriptor can be read");
    snprintf(path, sizeof path, "/proc/self/fd/%d", path_only);
    check(readlink(path, target, sizeof target) > 0 && access(path, R_OK) == 0, "the path-only descriptor");
    pass();
}
