// without: files.usk.name
// Names that fill all of sun_path, so that no zero ends them: of a server, its connections, datagrams, an abstract one,
// and one whose file was renamed to another of that length.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un full(char fill)
{
    struct sockaddr_un out = {.sun_family = AF_UNIX};
    memset(out.sun_path, fill, sizeof out.sun_path);
    return out;
}

static struct sockaddr_un abstract(void)
{
    struct sockaddr_un out = full('x');
    char id[32];
    out.sun_path[0] = 0;
    memcpy(out.sun_path + 1, id, (size_t)snprintf(id, sizeof id, "cr-live-%d", getpid()));
    return out;
}

static int bound(int type, struct sockaddr_un name)
{
    int fd = socket(AF_UNIX, type, 0);
    check(bind(fd, (struct sockaddr *)&name, sizeof name) == 0, "bind");
    return fd;
}

static int connected(int type, struct sockaddr_un name)
{
    int fd = socket(AF_UNIX, type, 0);
    check(connect(fd, (struct sockaddr *)&name, sizeof name) == 0, "connect");
    return fd;
}

static void check_name(int (*get)(int, struct sockaddr *, socklen_t *), int fd, struct sockaddr_un want)
{
    char got[200] = "";
    socklen_t length = sizeof got;
    check(get(fd, (struct sockaddr *)got, &length) == 0, "the name of a socket");
    check_equal(length, sizeof want + (want.sun_path[0] != 0), "the length of the name");
    check(memcmp(got, &want, sizeof want) == 0, "the name of a socket");
}

// It has the old name for as long as it was not made again.
static void check_moved(int fd)
{
    char got[200] = "";
    socklen_t length = sizeof got;
    check(getsockname(fd, (struct sockaddr *)got, &length) == 0, "the name of a socket");
    check_equal(length, sizeof(struct sockaddr_un) + 1, "the length of the name");
    struct sockaddr_un old = full('m'), new = full('n');
    check(memcmp(got, &old, sizeof old) == 0 || memcmp(got, &new, sizeof new) == 0, "the name of one that was renamed");
}

static void check_pair(int a, int b, const char *what)
{
    char byte = 0;
    check(write(a, "p", 1) == 1 && read(b, &byte, 1) == 1 && byte == 'p', what);
    check(write(b, "q", 1) == 1 && read(a, &byte, 1) == 1 && byte == 'q', what);
}

int main(void)
{
    char before[200] = "", after[200] = "", text[8];
    memcpy(before, full('m').sun_path, sizeof full('m').sun_path);
    memcpy(after, full('n').sun_path, sizeof full('n').sun_path);
    int server = bound(SOCK_STREAM, full('s')), hidden = bound(SOCK_SEQPACKET, abstract());
    check(listen(server, 3) == 0 && listen(hidden, 3) == 0, "listen");
    int client = connected(SOCK_STREAM, full('s')), served = accept(server, NULL, NULL);
    int other = connected(SOCK_SEQPACKET, abstract()), taken = accept(hidden, NULL, NULL);
    int waiting = connected(SOCK_STREAM, full('s'));
    int receiver = bound(SOCK_DGRAM, full('r')), sender = bound(SOCK_DGRAM, full('q')), moved = bound(SOCK_DGRAM, full('m'));
    struct sockaddr_un to = full('r');
    check(sendto(sender, "one", 3, 0, (struct sockaddr *)&to, sizeof to) == 3, "send");
    check(rename(before, after) == 0, "rename");
    ready();
    wait_for_go();
    check_name(getsockname, server, full('s'));
    check_name(getsockname, served, full('s'));
    check_name(getpeername, client, full('s'));
    check_name(getsockname, hidden, abstract());
    check_name(getsockname, taken, abstract());
    check_moved(moved);
    check_pair(client, served, "a connection");
    check_pair(other, taken, "a connection of an abstract name");
    check_pair(waiting, accept(server, NULL, NULL), "a connection that was not accepted yet");
    int fresh = connected(SOCK_STREAM, full('s'));
    check_pair(fresh, accept(server, NULL, NULL), "a new connection");
    char from[200] = "";
    socklen_t length = sizeof from;
    check(recvfrom(receiver, text, sizeof text, 0, (struct sockaddr *)from, &length) == 3 && memcmp(text, "one", 3) == 0,
          "a datagram");
    to = full('q');
    check(length > sizeof to && memcmp(from, &to, sizeof to) == 0, "the sender of a datagram");
    to = full('n');
    check(sendto(sender, "two", 3, 0, (struct sockaddr *)&to, sizeof to) == 3 && read(moved, text, sizeof text) == 3,
          "a new datagram");
    pass();
}
