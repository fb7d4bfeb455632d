// dump-options: --tcp-established
// modes: plain, rounds, running, pipeline, dry-run
// without: files.isk.state, files.isk.dst_port
// Connections that are only being made (SYN_SENT): the server outside of the tree does not hear of them until it
// is told. One is waited for in connect(2), another one does not block.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

static int state_of(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
    return info.tcpi_state;
}

static struct sockaddr_in address = {.sin_family = AF_INET};
static int blocking, line[2];

// Holds a server whose filter lets nothing in until the file "room" is there.
static void outside(void)
{
    int server = socket(AF_INET, SOCK_STREAM, 0), unused = 0;
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        _exit(77);
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {1, &nothing};
    check(setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "SO_ATTACH_FILTER");
    check(listen(server, 8) == 0 && getsockname(server, (struct sockaddr *)&address, &size) == 0, "listen");
    check(write(line[1], &address, sizeof address) == sizeof address && close(line[1]) == 0, "a pipe");
    while (access("room", F_OK) != 0)
        sleep_ms(2);
    check(setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0, "SO_DETACH_FILTER");
    for (int i = 0; i < 2; i++) {
        int fd = accept(server, NULL, NULL);
        if (fd < 0 || send(fd, "hello", 5, MSG_NOSIGNAL) != 5)
            _exit(1);
    }
    while (access("done", F_OK) != 0)
        sleep_ms(2);
    _exit(0);
}

static void *connect_and_wait(void *unused)
{
    check(connect(blocking, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return unused;
}

static void expect_hello(int fd, const char *what)
{
    char text[8] = "";
    check_equal(recv(fd, text, 5, MSG_WAITALL), 5, what);
    check(memcmp(text, "hello", 5) == 0, what);
}

int main(void)
{
    check(pipe(line) == 0, "pipe");
    start_outside(outside);
    close(line[1]);
    if (read(line[0], &address, sizeof address) != sizeof address)
        skip("no loopback network\n");
    close(line[0]);
    int quick = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    blocking = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(quick, (struct sockaddr *)&address, sizeof address) == -1 && errno == EINPROGRESS, "connect");
    pthread_t thread;
    check(pthread_create(&thread, NULL, connect_and_wait, NULL) == 0, "thread");
    while (state_of(blocking) != TCP_SYN_SENT)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(state_of(quick), TCP_SYN_SENT, "the state");
    check_equal(state_of(blocking), TCP_SYN_SENT, "the state of the one that is waited for");
    int room = open("room", O_CREAT | O_WRONLY, 0600);
    check(room >= 0, "room");
    struct pollfd poll_quick = {quick, POLLOUT, 0};
    check(poll(&poll_quick, 1, -1) == 1 && !(poll_quick.revents & POLLERR), "the connection is made");
    check(pthread_join(thread, NULL) == 0, "join");
    check(fcntl(quick, F_GETFL) & O_NONBLOCK && fcntl(quick, F_SETFL, 0) == 0, "O_NONBLOCK");
    expect_hello(quick, "the one that was not waited for");
    expect_hello(blocking, "the one that was waited for");
    check(open("done", O_CREAT | O_WRONLY, 0600) >= 0, "done");
    pass();
}
