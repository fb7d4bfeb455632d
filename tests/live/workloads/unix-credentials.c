// without: files.usk.cr_peer_credentials, files.usk.cr_peer_credentials.groups
// Who is at the other end (SO_PEERCRED, SO_PEERGROUPS): a server and clients with other ids, a pair made by a child,
// one made before its maker took other ids.
#include "workload.h"
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>

static int pair[2], early[2], server;

static void expect_peer(int fd, pid_t pid, uid_t uid, gid_t gid, const char *what)
{
    struct ucred who;
    socklen_t size = sizeof who;
    check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0, "SO_PEERCRED");
    check_equal(who.pid, pid, what);
    check_equal(who.uid, uid, what);
    check_equal(who.gid, gid, what);
}

static void expect_groups(int fd, const gid_t *want, int count, const char *what)
{
    gid_t groups[16];
    socklen_t size = sizeof groups;
    check(getsockopt(fd, SOL_SOCKET, 59 /* SO_PEERGROUPS */, groups, &size) == 0, "SO_PEERGROUPS");
    check_equal(size, count * sizeof *want, what);
    check(memcmp(groups, want, size) == 0, what);
}

static void run_child(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "server"};
    gid_t groups[] = {71, 72, 73};
    int own[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(setgroups(3, groups) == 0 && setresgid(51, 52, 53) == 0 && setresuid(41, 42, 43) == 0, "take ids");
    check(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    check(socketpair(AF_UNIX, SOCK_DGRAM, 0, own) == 0, "socketpair");
    child_ready();
    char byte;
    check(read(pair[1], &byte, 1) == 1, "read");
    expect_peer(fd, getppid(), 0, 0, "the server, seen by its client");
    expect_peer(own[1], getpid(), 42, 52, "a pair of ours");
    expect_peer(pair[1], getppid(), 0, 0, "a pair of the parent's");
    pass();
}

int main(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "server"};
    gid_t groups[] = {71, 72, 73}, ours[] = {81};
    check(setgroups(1, ours) == 0, "setgroups");
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    check(bind(server, (struct sockaddr *)&name, sizeof name) == 0 && chmod("server", 0777) == 0 && chmod(".", 0755) == 0 &&
              listen(server, 5) == 0,
          "listen");
    pid_t child = start_child(run_child);
    int served = accept(server, NULL, NULL);
    check(served >= 0, "accept");
    expect_peer(served, child, 42, 52, "the client");
    check(setegid(61) == 0 && seteuid(62) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, early) == 0 && seteuid(0) == 0 &&
              setegid(0) == 0,
          "a pair with other ids");
    ready();
    wait_for_go();
    expect_peer(served, child, 42, 52, "the client");
    expect_groups(served, groups, 3, "the client's groups");
    expect_peer(pair[0], getpid(), 0, 0, "a pair");
    expect_groups(pair[0], ours, 1, "our groups");
    expect_peer(early[0], getpid(), 62, 61, "a pair that was made with other ids");
    expect_peer(server, getpid(), 0, 0, "a server");
    check(write(pair[0], "g", 1) == 1, "write");
    child_passed(child);
    pass();
}
