// without: files.isk.src_port, files.isk.shutdown, files.isk.opts.so_filter
// Sockets of TCP that are not connected: new, bound, and one whose connection was reset.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, now;
    struct sockaddr_in listener = address;
    socklen_t size = sizeof address;
    int fresh = socket(AF_INET, SOCK_STREAM, 0), bound = socket(AF_INET, SOCK_STREAM, 0);
    int server = socket(AF_INET, SOCK_STREAM, 0), reset = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(bound, (struct sockaddr *)&address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(bound, (struct sockaddr *)&address, &size) == 0, "getsockname");
    check(bind(server, (struct sockaddr *)&listener, size) == 0 && listen(server, 1) == 0, "listen");
    check(getsockname(server, (struct sockaddr *)&listener, &size) == 0, "getsockname");
    check(connect(reset, (struct sockaddr *)&listener, size) == 0, "connect");
    int connection = accept(server, NULL, NULL);
    struct linger abort_it = {1, 0};
    check(setsockopt(connection, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it) == 0, "SO_LINGER");
    close(connection);
    char byte;
    check(read(reset, &byte, 1) < 0 && errno == ECONNRESET, "the reset");
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 4096)};
    struct sock_fprog program = {1, code};
    check(setsockopt(fresh, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0, "filter");
    ready();
    wait_for_go();
    check(getsockname(bound, (struct sockaddr *)&now, &size) == 0 && now.sin_port == address.sin_port,
          "the port");
    check_equal(read(reset, &byte, 1), 0, "what a reset connection reads");
    check(read(fresh, &byte, 1) < 0 && errno == ENOTCONN, "a socket never connected");
    socklen_t count = 0;
    check(getsockopt(fresh, SOL_SOCKET, SO_GET_FILTER, NULL, &count) == 0, "SO_GET_FILTER");
    check_equal(count, 1, "the filter's length");
    check(connect(fresh, (struct sockaddr *)&listener, size) == 0, "a connection afterwards");
    check(listen(bound, 3) == 0, "the bound one listens afterwards");
    pass();
}
