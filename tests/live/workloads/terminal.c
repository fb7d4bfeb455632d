// without: files.tty
// shell-job: yes
// A job of a shell: its terminal is inherited from the one who restores it, and works.
#include "workload.h"
#include <termios.h>

int main(void)
{
    struct termios attributes;
    check(isatty(0) && isatty(1) && tcgetattr(0, &attributes) == 0, "set-up");
    int file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(file >= 0 && getsid(0) != getpid(), "set-up");
    ready();
    wait_for_go();
    check(isatty(0) && isatty(2), "the terminal");
    check(tcgetattr(0, &attributes) == 0, "tcgetattr");
    check(write(1, "still here\n", 11) == 11, "writing to the terminal");
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    check(tty >= 0, "there is no controlling terminal");
    check_equal(tcgetsid(tty), getsid(0), "the terminal's session");
    pass();
}
