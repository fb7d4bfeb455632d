// dump-options: --ext-unix-sk
// restore-options: --ext-unix-sk
// modes: plain, rounds, running, pipeline, dry-run
// without: files.usk.peer
// A datagram socket that is connected to one of a process outside of the tree, as to syslog: it is connected again.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un name = {.sun_family = AF_UNIX};
static socklen_t size;
static int line[2];

// Counts what it hears, in a file.
static void outside(void)
{
    char text[16];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), heard = open("heard", O_CREAT | O_WRONLY | O_APPEND, 0600);
    check(bind(fd, (struct sockaddr *)&name, size) == 0 && heard >= 0, "bind");
    check(write(line[1], "r", 1) == 1 && close(line[1]) == 0, "a pipe");
    while (recv(fd, text, sizeof text, 0) == 3)
        check(write(heard, text, 3) == 3, "write");
    _exit(0);
}

int main(void)
{
    char byte, text[16];
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "cr-live-%d", getpid()));
    check(pipe(line) == 0, "pipe");
    start_outside(outside);
    close(line[1]);
    check(read(line[0], &byte, 1) == 1 && close(line[0]) == 0, "the outside");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    check(connect(fd, (struct sockaddr *)&name, size) == 0 && send(fd, "one", 3, 0) == 3, "connect");
    ready();
    wait_for_go();
    struct sockaddr_un is = {0};
    socklen_t length = sizeof is;
    check(getpeername(fd, (struct sockaddr *)&is, &length) == 0 && length == size && memcmp(&is, &name, size) == 0,
          "the name of its peer");
    check(send(fd, "two", 3, 0) == 3 && send(fd, "end", 4, 0) == 4, "send to the outside");
    int heard = open("heard", O_RDONLY);
    struct stat st;
    do
        check(fstat(heard, &st) == 0, "what the outside has heard");
    while (st.st_size < 6);
    check(read(heard, text, sizeof text) == 6 && memcmp(text, "onetwo", 6) == 0, "what the outside has heard");
    pass();
}
