// refused: fd 5.*its other end is outside of the tree.*of the name @cr-live.*of pid [0-9]+ .outside., fd 7, --external unix, --inherit-fd
// A stream to a process outside of the tree: both ends are named, and the options that would do.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listener, line[2];

static void outside(void)
{
    char byte;
    int fd = accept(listener, NULL, NULL);
    dup2(fd, 7);
    close(fd), close(listener);
    check(write(line[1], "r", 1) == 1 && close(line[1]) == 0, "a pipe");
    while (read(7, &byte, 1) == 1)
        check(write(7, &byte, 1) == 1, "echo");
}

int main(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                 (size_t)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "cr-live-%d", getpid()));
    char byte;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0 && pipe(line) == 0, "listen");
    start_outside(outside);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    close(line[1]);
    check(connect(fd, (struct sockaddr *)&name, size) == 0 && dup2(fd, 5) == 5, "connect");
    if (fd != 5)
        close(fd);
    close(listener);
    check(read(line[0], &byte, 1) == 1 && close(line[0]) == 0, "the outside");
    ready();
    wait_for_go();
    check(write(5, "x", 1) == 1 && read(5, &byte, 1) == 1 && byte == 'x', "the connection after a refused dump");
    pass();
}
