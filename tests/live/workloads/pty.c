// without: tty-info.termios, tty-info.winsize, tty-info.packet_mode, tty-info.locked
// without: tty-data, tty-data.cr_line_ends, tty-info.exclusive, tty-info.cr_closed, files.tty.flags
// differs: */fd/*/target, */fd/*/tty-index, */stat/tty
// Pseudo terminals with both sides in the tree: modes, size, what waits on either side (whole lines, an
// unfinished one, an end-of-file), packet mode, a locked one, an exclusive one, and those of which one side
// is gone. (Others that run beside us may take their names.)
#include "workload.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

struct pair {
    int master, slave;
};

static struct pair make_pair(int flags)
{
    struct pair pair = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | flags), -1};
    if (pair.master < 0)
        skip("no terminals: %s\n", strerror(errno));
    check(grantpt(pair.master) == 0 && unlockpt(pair.master) == 0, "set-up");
    pair.slave = open(ptsname(pair.master), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    check(pair.slave >= 0, "set-up");
    return pair;
}

static void put(int fd, const char *text)
{
    check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "writing to a terminal");
}

static void expect(int fd, const char *text)
{
    char buffer[8192];
    size_t n = 0;
    while (n < strlen(text)) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        poll(&poll_fd, 1, 2000);
        ssize_t done = read(fd, buffer + n, strlen(text) - n);
        check(done > 0, "reading from a terminal");
        n += done;
    }
    check(memcmp(buffer, text, n) == 0, "what waited in a terminal");
}

static void expect_line(int fd, const char *text)
{
    char buffer[256];
    ssize_t n = read(fd, buffer, sizeof buffer);
    check_equal(n, strlen(text), "the length of a line");
    check(memcmp(buffer, text, n) == 0, "a line that waited");
}

static void expect_error(int fd, int error)
{
    char byte;
    check(read(fd, &byte, 1) == -1 && errno == error, "reading from a terminal in which nothing waits");
}

int main(void)
{
    struct pair lines = make_pair(0), raw = make_pair(O_NONBLOCK), packet = make_pair(O_NONBLOCK);
    struct pair no_master = make_pair(0), no_slave = make_pair(0), locked = make_pair(0),
                stopped = make_pair(O_NONBLOCK);
    struct winsize size = {24, 80, 640, 480};
    struct termios modes;
    char byte;
    int on = 1;
    check(ioctl(lines.slave, TIOCSWINSZ, &size) == 0 && tcgetattr(lines.slave, &modes) == 0, "set-up");
    modes.c_lflag &= ~ECHO;
    modes.c_cc[VEOL] = ';';
    modes.c_cc[VERASE] = '#';
    check(tcsetattr(lines.slave, TCSANOW, &modes) == 0, "set-up");
    put(lines.master, "first\nsecond\nx\004yes;third#D\n\026\004q\nunfin");
    put(lines.slave, "shown\n");
    cfmakeraw(&modes);
    check(tcsetattr(raw.slave, TCSANOW, &modes) == 0, "set-up");
    put(raw.master, "a\003\004\n\r");
    put(raw.slave, "b\003\004\n\r");
    int second = open(ptsname(raw.master), O_RDONLY | O_NOCTTY | O_CLOEXEC), copy = dup(raw.master);
    check(ioctl(packet.master, TIOCPKT, &on) == 0, "set-up");
    put(packet.slave, "in a packet");
    check(close(no_master.master) == 0, "set-up");
    put(no_slave.slave, "last words");
    check(close(no_slave.slave) == 0, "set-up");
    check(ioctl(locked.master, TIOCSPTLCK, &on) == 0 && ioctl(locked.slave, TIOCEXCL) == 0, "set-up");
    check(tcgetattr(stopped.slave, &modes) == 0, "set-up");
    modes.c_lflag &= ~ECHO;
    check(tcsetattr(stopped.slave, TCSANOW, &modes) == 0, "set-up");
    put(stopped.master, "\023");
    sleep_ms(20);
    ready();
    wait_for_go();
    check(strcmp(ptsname(lines.master), ttyname(lines.slave)) == 0, "the name of a terminal");
    check(ioctl(lines.slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 24 && size.ws_col == 80, "the size");
    check_equal(size.ws_xpixel, 640, "the size in dots");
    check(tcgetattr(lines.master, &modes) == 0 && !(modes.c_lflag & ECHO) && modes.c_lflag & ICANON,
          "the modes");
    check_equal(modes.c_cc[VEOL], ';', "a control character");
    expect_line(lines.slave, "first\n");
    expect_line(lines.slave, "second\n");
    expect_line(lines.slave, "x");
    expect_line(lines.slave, "yes;");
    expect_line(lines.slave, "thirD\n");
    expect_line(lines.slave, "\004q\n");
    expect_error(lines.slave, EAGAIN);
    put(lines.master, "##ished\n");
    struct pollfd line = {lines.slave, POLLIN, 0};
    check_equal(poll(&line, 1, 30000), 1, "a line that is finished");
    expect_line(lines.slave, "unfished\n");
    expect(lines.master, "shown\r\n");
    expect(raw.slave, "a\003\004\n\r");
    expect_error(raw.slave, EAGAIN);
    expect(copy, "b\003\004\n\r");
    expect_error(raw.master, EAGAIN);
    check_equal(fcntl(second, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY,
                "the flags of a second description");
    put(raw.master, "z");
    expect(second, "z");
    expect(packet.master, "");
    check(read(packet.master, &byte, 1) == 1 && byte == TIOCPKT_DATA, "packet mode");
    check(read(no_master.slave, &byte, 1) == 0 && write(no_master.slave, "x", 1) == -1 && errno == EIO,
          "a hung-up terminal");
    expect(no_slave.master, "last words");
    expect_error(no_slave.master, EIO);
    check(open(ptsname(locked.master), O_RDWR | O_NOCTTY) == -1 && errno == EIO, "a locked terminal");
    on = 0;
    check(ioctl(locked.slave, TIOCGEXCL, &on) == 0 && on == 1, "an exclusive terminal");
    check(write(stopped.slave, "x", 1) == -1 && errno == EAGAIN, "a stopped terminal");
    put(stopped.master, "\021");
    struct pollfd goes_on = {stopped.slave, POLLOUT, 0};
    while (write(stopped.slave, "on", 2) == -1 && errno == EAGAIN)
        poll(&goes_on, 1, 2);
    expect(stopped.master, "on");
    pass();
}
