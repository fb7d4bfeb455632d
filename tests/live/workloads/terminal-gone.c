// shell-job: yes
// restore-options: --stdio null
// differs: */fd/*
// A job of a shell that is restored without its terminal: what it reads and writes there is /dev/null from then on,
// through a copy of the descriptor, too.
#include "workload.h"
#include <sys/sysmacros.h>

int main(void)
{
    int copy = dup(1);
    check(isatty(0) && isatty(copy), "set-up");
    ready();
    wait_for_go();
    for (int fd = 0; fd <= copy; fd++) {
        struct stat st;
        if (fd > 2 && fd != copy)
            continue;
        check(fstat(fd, &st) == 0, "fstat");
        check_equal(st.st_rdev, makedev(1, 3), "what stands for the terminal");
    }
    char byte;
    check_equal(read(0, &byte, 1), 0, "reading");
    check_equal(write(copy, "x", 1), 1, "writing");
    pass();
}
