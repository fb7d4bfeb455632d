// More connections wait at a listening unix socket than it would let in now, as the program has lowered that number;
// one was closed by its client, whose abstract name is another socket's by now.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { kClients = 6 };

static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "server"};

static int connected(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

static int try_to_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

int main(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                 (size_t)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "cr-live-%d", getpid()));
    int clients[kClients], server = socket(AF_UNIX, SOCK_STREAM, 0), gone = socket(AF_UNIX, SOCK_STREAM, 0),
                           heir = socket(AF_UNIX, SOCK_DGRAM, 0);
    check(bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 20) == 0, "listen");
    check(bind(gone, (struct sockaddr *)&name, size) == 0, "bind");
    check(connect(gone, (struct sockaddr *)&address, sizeof address) == 0 && write(gone, "bye", 3) == 3, "connect");
    check(close(gone) == 0 && bind(heir, (struct sockaddr *)&name, size) == 0, "take over a name");
    for (int i = 0; i < kClients; i++)
        check(write(clients[i] = connected(), &i, sizeof i) == sizeof i, "write");
    check(listen(server, 1) == 0, "lower the number");
    ready();
    wait_for_go();
    char text[8];
    check_equal(try_to_connect(), EAGAIN, "one more than may wait");
    int first = accept(server, NULL, NULL);
    check(read(first, text, sizeof text) == 3 && memcmp(text, "bye", 3) == 0, "what the closed one had sent");
    check(read(first, text, sizeof text) == 0, "the end of the closed one");
    for (int i = 0; i < kClients; i++) {
        int got = -1, fd = accept(server, NULL, NULL);
        check(read(fd, &got, sizeof got) == sizeof got, "what a client had sent");
        check_equal(got, i, "what a client had sent");
        check(write(fd, "x", 1) == 1 && read(clients[i], text, 1) == 1, "the other direction");
    }
    check_equal(try_to_connect(), 0, "the first that may wait");
    check_equal(try_to_connect(), 0, "the last that may wait");
    check_equal(try_to_connect(), EAGAIN, "one more than may wait");
    struct sockaddr_un is = {0};
    socklen_t length = sizeof is;
    check(getsockname(heir, (struct sockaddr *)&is, &length) == 0 && length == size && memcmp(&is, &name, size) == 0,
          "the name that another socket has had");
    pass();
}
