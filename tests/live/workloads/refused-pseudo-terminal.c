// refused: tty|terminal|pts|ptmx
// Both sides of a terminal of the program's own.
#include "workload.h"

int main(void)
{
    char byte;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        skip("no terminals: %s\n", strerror(errno));
    check(grantpt(master) == 0 && unlockpt(master) == 0, "set-up");
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ready();
    wait_for_go();
    check(write(slave, "t", 1) == 1 && read(master, &byte, 1) == 1 && byte == 't',
          "the terminal after a refused dump");
    pass();
}
