// without: files.isk.src_port, files.isk.state, files.isk.opts.cr_options, files.isk.tcp_opts.nodelay
// Listening sockets of TCP keep address, options and backlog: v4, v6, and two on one port.
#include "workload.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    check(getsockopt(fd, level, name, &value, &size) == 0, "getsockopt");
    return value;
}

static void set(int fd, int level, int name, int value)
{
    check(setsockopt(fd, level, name, &value, sizeof value) == 0, "setsockopt");
}

static int listening(struct sockaddr_in6 *address, int shared)
{
    socklen_t size = sizeof *address;
    int fd = socket(address->sin6_family, SOCK_STREAM, 0);
    if (shared)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(fd, (struct sockaddr *)address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(fd, 7) == 0 && getsockname(fd, (struct sockaddr *)address, &size) == 0, "listen");
    return fd;
}

static void converse(int server, const struct sockaddr_in6 *address)
{
    char byte = 0;
    struct sockaddr_in6 now;
    socklen_t size = sizeof now;
    check(getsockname(server, (struct sockaddr *)&now, &size) == 0 && now.sin6_port == address->sin6_port,
          "the port");
    int client = socket(address->sin6_family, SOCK_STREAM, 0);
    check(connect(client, (const struct sockaddr *)address, sizeof *address) == 0, "connect");
    int connection = accept(server, NULL, NULL);
    check(connection >= 0 && write(client, "x", 1) == 1 && read(connection, &byte, 1) == 1 && byte == 'x',
          "a new connection");
    // The server closes last, so that nothing is left on its port.
    close(client);
    close(connection);
}

int main(void)
{
    struct sockaddr_in6 four = {.sin6_family = AF_INET}, six = {.sin6_family = AF_INET6},
                        both = {.sin6_family = AF_INET6};
    ((struct sockaddr_in *)&four)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    six.sin6_addr = in6addr_loopback;
    int a = listening(&four, 0), b = listening(&six, 0);
    int c = listening(&both, 1), d = listening(&both, 1);
    set(a, IPPROTO_TCP, TCP_NODELAY, 1);
    set(a, IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
    set(a, IPPROTO_IP, IP_TOS, 0x10);
    set(b, SOL_SOCKET, SO_RCVBUF, 40000);
    set(b, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    check(fcntl(a, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
    int bufsize = option(b, SOL_SOCKET, SO_RCVBUF);
    ready();
    wait_for_go();
    check_equal(option(a, IPPROTO_TCP, TCP_NODELAY), 1, "TCP_NODELAY");
    check_equal(option(a, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345, "TCP_USER_TIMEOUT");
    check_equal(option(a, IPPROTO_IP, IP_TOS), 0x10, "IP_TOS");
    check_equal(option(a, SOL_SOCKET, SO_REUSEADDR), 0, "SO_REUSEADDR");
    check_equal(option(b, SOL_SOCKET, SO_RCVBUF), bufsize, "SO_RCVBUF");
    check_equal(option(b, IPPROTO_TCP, TCP_KEEPIDLE), 77, "TCP_KEEPIDLE");
    check_equal(fcntl(a, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "O_NONBLOCK");
    struct tcp_info info;
    socklen_t size = sizeof info;
    check(getsockopt(a, IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
    check_equal(info.tcpi_sacked, 7, "the backlog");
    check(accept(a, NULL, NULL) < 0 && errno == EAGAIN, "nobody waits");
    check(fcntl(a, F_SETFL, 0) == 0, "O_NONBLOCK");
    converse(a, &four);
    converse(b, &six);
    check_equal(option(d, SOL_SOCKET, SO_REUSEPORT), 1, "SO_REUSEPORT");
    close(d);
    converse(c, &both);
    pass();
}
