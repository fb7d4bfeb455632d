// without: fdinfo.flags
// The close-on-exec flag is a descriptor's, not the open file's: an exec after the restore closes the right
// ones.
#include "workload.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "again") == 0) {
        check(fcntl(20, F_GETFD) == -1, "a close-on-exec descriptor outlived the exec");
        check(fcntl(21, F_GETFD) == 0, "a descriptor was closed by the exec");
        pass();
    }
    char *again[] = {argv[0], "again", NULL};
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    check(dup3(fd, 20, O_CLOEXEC) == 20 && dup2(fd, 21) == 21, "dup");
    ready();
    wait_for_go();
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC, "the flag of the descriptor that was opened");
    check_equal(fcntl(20, F_GETFD), FD_CLOEXEC, "the flag of the first duplicate");
    check_equal(fcntl(21, F_GETFD), 0, "the flag of the second duplicate");
    execv("/proc/self/exe", again);
    check(0, "execv");
}
