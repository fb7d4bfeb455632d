// without: files.usk.name, files.usk.state, files.usk.file_perms
// Unix sockets with names: a server that listens at a path, its connections, one not accepted yet, an abstract one,
// datagrams with senders, a name whose file was removed.
#include "workload.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *name, socklen_t *length)
{
    struct sockaddr_un out = {.sun_family = AF_UNIX};
    strncpy(out.sun_path + (*name == '@'), name + (*name == '@'), sizeof out.sun_path - 2);
    *length = offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@');
    return out;
}

static int bound(int type, const char *name)
{
    socklen_t length;
    struct sockaddr_un to = address(name, &length);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    check(bind(fd, (struct sockaddr *)&to, length) == 0, "bind");
    return fd;
}

static int connected(int type, const char *name)
{
    socklen_t length;
    struct sockaddr_un to = address(name, &length);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    check(connect(fd, (struct sockaddr *)&to, length) == 0, "connect to");
    return fd;
}

static void check_name(int (*get)(int, struct sockaddr *, socklen_t *), int fd, const char *name)
{
    socklen_t length, got = sizeof(struct sockaddr_un);
    struct sockaddr_un want = address(name, &length), is = {0};
    check(get(fd, (struct sockaddr *)&is, &got) == 0, "the name of a socket");
    check(got == length && memcmp(&is, &want, length) == 0, "the name of a socket");
}

static void check_pair(int a, int b, const char *what)
{
    char byte = 0;
    check(write(a, "p", 1) == 1 && read(b, &byte, 1) == 1 && byte == 'p', what);
    check(write(b, "q", 1) == 1 && read(a, &byte, 1) == 1 && byte == 'q', what);
}

int main(void)
{
    char text[16] = "", abstract[64], cwd[200], absolute[260];
    snprintf(abstract, sizeof abstract, "@cr-live-%d", getpid());
    check(getcwd(cwd, sizeof cwd) != NULL, "getcwd");
    snprintf(absolute, sizeof absolute, "%s/abs", cwd);
    if (strlen(absolute) > 100)
        skip("the directory has too long a name\n");
    int server = bound(SOCK_STREAM, "server"), packets = bound(SOCK_SEQPACKET, abstract);
    check(listen(server, 5) == 0 && listen(packets, 3) == 0 && chmod("server", 0620) == 0, "listen");
    int client = connected(SOCK_STREAM, "server"), served = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    int other = connected(SOCK_SEQPACKET, abstract), taken = accept4(packets, NULL, NULL, SOCK_CLOEXEC);
    int waiting = connected(SOCK_STREAM, "server");
    int receiver = bound(SOCK_DGRAM, absolute), sender = connected(SOCK_DGRAM, absolute);
    int removed = bound(SOCK_DGRAM, "removed"), sends = connected(SOCK_DGRAM, "removed");
    int lonely = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(served >= 0 && taken >= 0 && lonely >= 0 && unlink("removed") == 0, "set-up");
    check(write(sender, "one", 3) == 3 && write(sender, "two", 3) == 3 && write(client, "hello", 5) == 5, "write");
    ready();
    wait_for_go();
    struct stat st;
    check(stat("server", &st) == 0, "stat");
    check_equal(st.st_mode, S_IFSOCK | 0620, "the mode of the name");
    check_name(getsockname, server, "server");
    check_name(getsockname, served, "server");
    check_name(getpeername, client, "server");
    check_name(getsockname, packets, abstract);
    check_name(getsockname, taken, abstract);
    check_name(getsockname, removed, "removed");
    check_name(getpeername, sender, absolute);
    check(read(served, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0, "what the client had sent");
    check_pair(client, served, "a connection");
    check_pair(other, taken, "a connection of packets");
    int late = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    check_pair(waiting, late, "a connection that was not accepted yet");
    int fresh = connected(SOCK_STREAM, "server"), accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    check_pair(fresh, accepted, "a new connection");
    fresh = connected(SOCK_SEQPACKET, abstract);
    accepted = accept4(packets, NULL, NULL, SOCK_CLOEXEC);
    check_pair(fresh, accepted, "a new connection to an abstract name");
    check(read(receiver, text, sizeof text) == 3 && memcmp(text, "one", 3) == 0, "the first datagram");
    check(read(receiver, text, sizeof text) == 3 && memcmp(text, "two", 3) == 0, "the second datagram");
    check(write(sender, "three", 5) == 5 && read(receiver, text, sizeof text) == 5, "a new datagram");
    check(write(sends, "four", 4) == 4 && read(removed, text, sizeof text) == 4, "a datagram to a removed name");
    check(access("removed", F_OK) == -1, "a name has come back");
    check(connect(lonely, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "server"},
                  sizeof(struct sockaddr_un)) == 0,
          "a socket that was not connected");
    pass();
}
