// dump-options: --tcp-established
// without: files.usk.opts.so_priority, files.usk.opts.so_passcred, files.isk.tcp_opts.nodelay, files.isk.ip_opts.tos
// So many sockets that those with equal options are found and asked once: streams of unix and of TCP, connected and
// not, every one of a few sorts with other options than its neighbours.
#include "workload.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { kSorts = 6, kUnix = 150, kTcp = 60 };

static int unixes[kUnix][2], streams[kTcp][2];

static void set(int fd, int level, int name, int value)
{
    check(setsockopt(fd, level, name, &value, sizeof value) == 0, "setsockopt");
}

static int get(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    check(getsockopt(fd, level, name, &value, &size) == 0, "getsockopt");
    return value;
}

static void make_connections(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 8) == 0 &&
              getsockname(listener, (struct sockaddr *)&address, &size) == 0,
          "listen");
    for (int i = 0; i < kTcp; i++) {
        streams[i][0] = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(streams[i][0], (struct sockaddr *)&address, size) == 0, "connect");
        streams[i][1] = accept(listener, NULL, NULL);
        check(streams[i][1] >= 0, "accept");
    }
}

// Of each sort by another option, so that no two sorts are equal.
static void check_unix(int fd, int sort)
{
    check_equal(get(fd, SOL_SOCKET, SO_PASSCRED), sort == 1, "SO_PASSCRED");
    check_equal(get(fd, SOL_SOCKET, SO_PRIORITY), sort == 2 ? 3 : 0, "SO_PRIORITY");
    check_equal(get(fd, SOL_SOCKET, SO_TIMESTAMP), sort == 3, "SO_TIMESTAMP");
    check_equal(get(fd, SOL_SOCKET, SO_SNDBUF), sort == 4 ? 20000 : get(unixes[0][0], SOL_SOCKET, SO_SNDBUF), "SO_SNDBUF");
    check_equal(get(fd, SOL_SOCKET, SO_PEEK_OFF), sort == 5 ? 0 : -1, "SO_PEEK_OFF");
}

static void check_tcp(int fd, int sort)
{
    check_equal(get(fd, IPPROTO_TCP, TCP_NODELAY), sort == 1, "TCP_NODELAY");
    check_equal(get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), sort == 2 ? 12345 : 0, "TCP_USER_TIMEOUT");
    check_equal(get(fd, IPPROTO_IP, IP_TOS), sort == 3 ? 16 : 0, "IP_TOS");
    check_equal(get(fd, SOL_SOCKET, SO_KEEPALIVE), sort == 4, "SO_KEEPALIVE");
    check_equal(get(fd, IPPROTO_IP, IP_RECVTTL), sort == 5, "IP_RECVTTL");
}

int main(void)
{
    for (int i = 0; i < kUnix; i++)
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, unixes[i]) == 0, "socketpair");
    make_connections();
    for (int i = 0; i < kUnix; i++)
        switch (i % kSorts) {
        case 1: set(unixes[i][0], SOL_SOCKET, SO_PASSCRED, 1); break;
        case 2: set(unixes[i][0], SOL_SOCKET, SO_PRIORITY, 3); break;
        case 3: set(unixes[i][0], SOL_SOCKET, SO_TIMESTAMP, 1); break;
        case 4: set(unixes[i][0], SOL_SOCKET, SO_SNDBUF, 10000); break;
        case 5: set(unixes[i][0], SOL_SOCKET, SO_PEEK_OFF, 0); break;
        }
    for (int i = 0; i < kTcp; i++)
        switch (i % kSorts) {
        case 1: set(streams[i][0], IPPROTO_TCP, TCP_NODELAY, 1); break;
        case 2: set(streams[i][0], IPPROTO_TCP, TCP_USER_TIMEOUT, 12345); break;
        case 3: set(streams[i][0], IPPROTO_IP, IP_TOS, 16); break;
        case 4: set(streams[i][0], SOL_SOCKET, SO_KEEPALIVE, 1); break;
        case 5: set(streams[i][0], IPPROTO_IP, IP_RECVTTL, 1); break;
        }
    ready();
    wait_for_go();
    for (int i = 0; i < kUnix; i++) {
        check_unix(unixes[i][0], i % kSorts);
        check_unix(unixes[i][1], 0);
    }
    for (int i = 0; i < kTcp; i++) {
        check_tcp(streams[i][0], i % kSorts);
        check_tcp(streams[i][1], 0);
    }
    pass();
}
