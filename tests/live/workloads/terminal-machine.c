// without: tty-info.termios
// modes: plain, pipeline
// A virtual terminal of the machine, opened and set to other modes: it is opened again by its name.
#include "workload.h"
#include <termios.h>

int main(void)
{
    struct termios modes;
    int terminal = -1;
    for (int number = 20; number < 60 && terminal < 0; number++) {
        char name[32];
        snprintf(name, sizeof name, "/dev/tty%d", number);
        int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        // One that others of us are using has other modes.
        if (fd >= 0 && tcgetattr(fd, &modes) == 0 && modes.c_lflag & ECHO)
            terminal = fd;
        else if (fd >= 0)
            close(fd);
    }
    if (terminal < 0)
        skip("no virtual terminals: %s\n", strerror(errno));
    modes.c_lflag &= ~(ECHO | ICANON);
    modes.c_cc[VERASE] = '#';
    check(tcsetattr(terminal, TCSANOW, &modes) == 0, "set-up");
    ready();
    wait_for_go();
    check(tcgetattr(terminal, &modes) == 0, "tcgetattr");
    int was = !(modes.c_lflag & (ECHO | ICANON)) && modes.c_cc[VERASE] == '#';
    modes.c_lflag |= ECHO | ICANON;
    modes.c_cc[VERASE] = 0177;
    check(tcsetattr(terminal, TCSANOW, &modes) == 0, "tcsetattr");
    check(was, "the modes of a virtual terminal");
    pass();
}
