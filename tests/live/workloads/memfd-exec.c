// without: memfd.mode
// A memfd that can never be executed, and a program that runs from one.
#include "workload.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#define F_SEAL_EXEC_ 0x20

int main(int argc, char **argv)
{
    if (argc == 1 && !getenv("LIVE_AGAIN")) {
        int program = memfd_create("program", 0), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        char block[65536];
        ssize_t n;
        while ((n = read(self, block, sizeof block)) > 0)
            check(write(program, block, n) == n, "copy");
        setenv("LIVE_AGAIN", "1", 1);
        extern char **environ;
        close(self);
        fexecve(program, argv, environ);
        skip("fexecve of a memfd: %s\n", strerror(errno));
    }
    int fd = memfd_create("data", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0)
        skip("MFD_NOEXEC_SEAL: %s\n", strerror(errno));
    int seals = fcntl(fd, F_GET_SEALS);
    check(seals & F_SEAL_EXEC_, "no seal");
    ready();
    wait_for_go();
    char link_text[256] = "";
    check_equal(fcntl(fd, F_GET_SEALS), seals, "seals");
    check(fchmod(fd, 0700) == -1 && errno == EPERM, "it can be made executable");
    check(readlink("/proc/self/exe", link_text, 255) > 0 &&
              strcmp(link_text, "/memfd:program (deleted)") == 0,
          "the program");
    pass();
}
