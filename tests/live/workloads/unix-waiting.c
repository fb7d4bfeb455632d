// without: files.usk.cr_waiting, files.usk.cr_waiting.name, files.usk.cr_waiting.credentials, sk-queues
// Connections that nobody has accepted yet: with data, large data, packets, half shut down, closed by their clients
// before and after they have sent something. They are accepted in their order.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { kLarge = 100000 };

static char large[kLarge], got[kLarge];

static socklen_t abstract(struct sockaddr_un *to, const char *name)
{
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    return offsetof(struct sockaddr_un, sun_path) + 1 +
           snprintf(to->sun_path + 1, sizeof to->sun_path - 1, "cr-live-%d-%s", getpid(), name);
}

static int server(int type, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    check(bind(fd, (struct sockaddr *)&to, sizeof to) == 0 && listen(fd, 20) == 0, "listen");
    return fd;
}

static int client(int type, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    check(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    return fd;
}

static int accepted(int listener, const char *want, const char *what)
{
    int fd = accept(listener, NULL, NULL);
    check(fd >= 0, "accept");
    struct ucred who;
    socklen_t size = sizeof who;
    check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0, "SO_PEERCRED");
    check_equal(who.pid, getpid(), "SO_PEERCRED of one that was waiting");
    if (*want) {
        check_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), (long)strlen(want), what);
        check(memcmp(got, want, strlen(want)) == 0, what);
    }
    return fd;
}

static void at_end(int fd, const char *what) { check_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 0, what); }

static void goes_on(int a, int b, const char *what)
{
    check(write(a, "on", 2) == 2 && recv(b, got, sizeof got, MSG_DONTWAIT) == 2 && memcmp(got, "on", 2) == 0, what);
    check(write(b, "no", 2) == 2 && recv(a, got, sizeof got, MSG_DONTWAIT) == 2 && memcmp(got, "no", 2) == 0, what);
}

int main(void)
{
    for (int i = 0; i < kLarge; i++)
        large[i] = i * 11 + i / 251;
    int streams = server(SOCK_STREAM, "streams"), packets = server(SOCK_SEQPACKET, "packets");
    int quiet = client(SOCK_STREAM, "streams"), closed = client(SOCK_STREAM, "streams");
    check(close(closed) == 0, "close");
    int talks = client(SOCK_STREAM, "streams"), gone = socket(AF_UNIX, SOCK_STREAM, 0), much = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name, to = {.sun_family = AF_UNIX, .sun_path = "streams"};
    socklen_t size = abstract(&name, "gone");
    check(bind(gone, (struct sockaddr *)&name, size) == 0, "bind");
    check(connect(gone, (struct sockaddr *)&to, sizeof to) == 0 && connect(much, (struct sockaddr *)&to, sizeof to) == 0,
          "connect");
    check(write(talks, "hello", 5) == 5 && write(talks, " there", 6) == 6, "write");
    check(write(gone, "bye", 3) == 3 && close(gone) == 0, "write and close");
    check(write(much, large, kLarge) == kLarge, "write much");
    int half = client(SOCK_STREAM, "streams");
    check(write(half, "end", 3) == 3 && shutdown(half, SHUT_WR) == 0, "shutdown");
    int one = client(SOCK_SEQPACKET, "packets"), other = client(SOCK_SEQPACKET, "packets");
    check(write(one, "first", 5) == 5 && write(one, "second", 6) == 6, "write packets");
    check(write(other, "last", 4) == 4 && close(other) == 0, "write a packet and close");
    ready();
    wait_for_go();
    goes_on(quiet, accepted(streams, "", "quiet"), "one that has sent nothing");
    at_end(accepted(streams, "", "closed"), "one that was closed");
    goes_on(talks, accepted(streams, "hello there", "what it had sent"), "one that has sent something");
    int left = accepted(streams, "bye", "what one has sent that is closed");
    at_end(left, "one that has sent something and was closed");
    struct sockaddr_un is = {0};
    socklen_t length = sizeof is;
    check(getpeername(left, (struct sockaddr *)&is, &length) == 0 && length == size && memcmp(&is, &name, size) == 0,
          "the name of one that was closed");
    int fd = accepted(streams, "", "much");
    for (int at = 0, n; at < kLarge; at += n)
        check((n = recv(fd, got + at, kLarge - at, MSG_DONTWAIT)) > 0, "much content");
    check(memcmp(got, large, kLarge) == 0, "much content");
    goes_on(much, fd, "one that has sent much");
    fd = accepted(streams, "end", "what came before the shutdown");
    at_end(fd, "the shutdown");
    check(write(fd, "back", 4) == 4 && read(half, got, sizeof got) == 4, "the other direction");
    fd = accepted(packets, "first", "the first packet");
    check(recv(fd, got, sizeof got, MSG_DONTWAIT) == 6 && memcmp(got, "second", 6) == 0, "the second packet");
    goes_on(one, fd, "packets");
    at_end(accepted(packets, "last", "a packet of one that is closed"), "packets of one that is closed");
    check(fcntl(streams, F_SETFL, O_NONBLOCK) == 0 && accept(streams, NULL, NULL) == -1 && errno == EAGAIN, "no more");
    pass();
}
