// without: tty-info.sid, tty-info.pgrp
// differs: */fd/*/target, */fd/*/tty-index, */stat/tty
// A session on a pseudo terminal as tmux, script or sshd make it: its leader, a job in the foreground, one in
// the background; signals of the terminal go to the job in the foreground. (/dev/tty becomes the terminal by
// its other name, and others that run beside us may take names.)
#include "workload.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static volatile sig_atomic_t interrupted, resized;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void on_resize(int signal)
{
    (void)signal;
    resized = 1;
}

static void job(void)
{
    check(setpgid(0, 0) == 0, "set-up");
    signal(SIGINT, on_interrupt);
    signal(SIGWINCH, on_resize);
    child_ready();
    wait_for_go();
    if (tcgetpgrp(slave) == getpgrp()) {
        for (long long end = now_ms() + 30000; !(interrupted && resized) && now_ms() < end;)
            sleep_ms(2);
        check(interrupted, "^C does not interrupt the job in the foreground");
        check(resized, "the job in the foreground is not told of another size");
        check(mkdir("told", 0755) == 0, "mkdir");
        return;
    }
    while (access("told", F_OK) != 0)
        sleep_ms(2);
    check(!interrupted && !resized, "the job behind is told, too");
}

static void leader(void)
{
    check(setsid() == getpid() && ioctl(slave, TIOCSCTTY, 0) == 0, "set-up");
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    pid_t front = start_child(job), back = start_child(job);
    signal(SIGTTOU, SIG_IGN);
    check(tty >= 0 && tcsetpgrp(slave, front) == 0, "set-up");
    child_ready();
    wait_for_go();
    check_equal(tcgetsid(slave), getpid(), "the session of the terminal");
    check_equal(tcgetpgrp(slave), front, "the group in the foreground");
    check_equal(tcgetpgrp(tty), front, "the group in the foreground, by /dev/tty");
    int again = open("/dev/tty", O_RDWR | O_CLOEXEC);
    check(again >= 0 && tcgetsid(again) == getpid(), "the controlling terminal");
    child_passed(front);
    child_passed(back);
}

int main(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        skip("no terminals: %s\n", strerror(errno));
    check(grantpt(master) == 0 && unlockpt(master) == 0, "set-up");
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(slave >= 0, "set-up");
    pid_t pid = start_child(leader);
    ready();
    wait_for_go();
    struct winsize size = {50, 100, 0, 0};
    check(write(master, "\003", 1) == 1 && ioctl(master, TIOCSWINSZ, &size) == 0, "write");
    child_passed(pid);
    pass();
}
