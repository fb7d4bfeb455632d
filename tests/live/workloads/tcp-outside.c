// dump-options: --tcp-established
// modes: plain, rounds, running, pre-dump, pipeline, dry-run
// without: files.isk.dst_port, files.isk.state, tcp-stream
// Open connections of TCP to a process outside of the tree, in every state, with all queues full: it must see
// nothing of what is done to us.
#include "stream.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { kQuiet, kFull, kCloseWait, kFinWait1, kFinWait2, kLastAck, kClosing, kSix, kMapped, kAccepted, kNumber };
static const int kStates[kNumber] = {
    [kQuiet] = TCP_ESTABLISHED,    [kFull] = TCP_ESTABLISHED, [kCloseWait] = TCP_CLOSE_WAIT,
    [kFinWait1] = TCP_FIN_WAIT1,   [kFinWait2] = TCP_FIN_WAIT2, [kLastAck] = TCP_LAST_ACK,
    [kClosing] = TCP_CLOSING,      [kSix] = TCP_ESTABLISHED,  [kMapped] = TCP_ESTABLISHED,
    [kAccepted] = TCP_ESTABLISHED,
};

static int pipe_to_us[2], pipe_to_outside[2]; // for the set-up only
static int fds[kNumber];
static long from_us[kNumber], from_outside; // how much could be written

static void expect(int fd, const char *text, const char *what)
{
    char got[16] = "";
    check_equal(recv(fd, got, strlen(text), MSG_WAITALL), (long)strlen(text), what);
    check(strcmp(got, text) == 0, what);
}

static void expect_end(int fd, const char *what)
{
    char byte;
    check_equal(read(fd, &byte, 1), 0, what);
}

static void put(int fd, const char *text) { check_equal(send(fd, text, strlen(text), 0), (long)strlen(text), text); }

static void give(int fd, const void *value, size_t size) { check_equal(write(fd, value, size), (long)size, "a pipe"); }
static void take(int fd, void *value, size_t size) { check_equal(read(fd, value, size), (long)size, "a pipe"); }

static struct sockaddr_in6 listen_at(int *fd, int family)
{
    struct sockaddr_in6 address = {.sin6_family = (sa_family_t)family};
    socklen_t size = sizeof address;
    if (family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address.sin6_addr = in6addr_loopback;
    *fd = socket(family, SOCK_STREAM, 0);
    if (bind(*fd, (struct sockaddr *)&address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(*fd, kNumber) == 0 && getsockname(*fd, (struct sockaddr *)&address, &size) == 0, "listen");
    return address;
}

static void outside(void)
{
    int four, six;
    struct sockaddr_in6 address[3] = {listen_at(&four, AF_INET), listen_at(&six, AF_INET6)};
    give(pipe_to_us[1], address, sizeof address);
    take(pipe_to_outside[0], &address[2], sizeof address[2]);
    for (int i = 0; i < kAccepted; i++)
        check((fds[i] = accept(i == kSix ? six : four, NULL, NULL)) >= 0, "accept");
    fds[kAccepted] = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(fds[kAccepted], (struct sockaddr *)&address[2], sizeof(struct sockaddr_in)) == 0, "connect");
    from_outside = fill(fds[kFull]);
    put(fds[kCloseWait], "last");
    check(shutdown(fds[kCloseWait], SHUT_WR) == 0 && shutdown(fds[kLastAck], SHUT_WR) == 0, "end two");
    give(pipe_to_us[1], &from_outside, sizeof from_outside);
    take(pipe_to_outside[0], from_us, sizeof from_us);
    check(shutdown(fds[kClosing], SHUT_WR) == 0, "end another");
    expect(fds[kFinWait2], "last", "the end of one");
    expect_end(fds[kFinWait2], "the end of one");
    give(pipe_to_us[1], "r", 1);
    // From here on all is said through the connections.
    expect(fds[kQuiet], "ping", "the first word");
    drain(fds[kFull], from_us[kFull], "what we had not read");
    expect(fds[kCloseWait], "pong", "an answer through what is half closed");
    drain(fds[kFinWait1], from_us[kFinWait1], "all before the end");
    expect_end(fds[kFinWait1], "the end after all");
    put(fds[kFinWait1], "pong");
    put(fds[kFinWait2], "pong");
    drain(fds[kLastAck], from_us[kLastAck], "all before the last end");
    expect_end(fds[kLastAck], "the last end");
    drain(fds[kClosing], from_us[kClosing], "all of one that both close");
    expect_end(fds[kClosing], "the end of one that both close");
    for (int i = kSix; i < kNumber; i++) {
        expect(fds[i], "ping", "a word");
        put(fds[i], "pong");
    }
    put(fds[kQuiet], "pong");
    expect_end(fds[kQuiet], "the end of all");
}

static int state_of(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    check(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
    return info.tcpi_state;
}

static void wait_for_states(const char *when)
{
    for (int i = 0; i < kNumber; i++) {
        for (int tries = 0; state_of(fds[i]) != kStates[i] && tries < 5000; tries++)
            sleep_ms(2);
        check_equal(state_of(fds[i]), kStates[i], when);
    }
}

static void set_up(void)
{
    struct sockaddr_in6 address[3];
    int listener, one = 1;
    char byte;
    take(pipe_to_us[0], address, sizeof address);
    address[2] = listen_at(&listener, AF_INET);
    give(pipe_to_outside[1], &address[2], sizeof address[2]);
    for (int i = 0; i < kAccepted; i++) {
        struct sockaddr_in6 to = address[i == kSix];
        if (i == kMapped) {
            struct sockaddr_in *four = (struct sockaddr_in *)&address[0];
            to = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = four->sin_port};
            to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
            memcpy(to.sin6_addr.s6_addr + 12, &four->sin_addr, 4);
        }
        fds[i] = socket(to.sin6_family, SOCK_STREAM, 0);
        check(connect(fds[i], (struct sockaddr *)&to, sizeof to) == 0, "connect");
    }
    check((fds[kAccepted] = accept(listener, NULL, NULL)) >= 0, "accept");
    check(setsockopt(fds[kSix], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
    take(pipe_to_us[0], &from_outside, sizeof from_outside);
    for (int i = kFull; i <= kClosing; i++)
        if (i != kCloseWait && i != kFinWait2)
            from_us[i] = fill(fds[i]);
    put(fds[kFinWait2], "last");
    for (int i = kFinWait1; i <= kClosing; i++)
        check(shutdown(fds[i], SHUT_WR) == 0, "shutdown");
    give(pipe_to_outside[1], from_us, sizeof from_us);
    take(pipe_to_us[0], &byte, 1);
}

int main(void)
{
    check(pipe(pipe_to_us) == 0 && pipe(pipe_to_outside) == 0, "pipe");
    signal(SIGPIPE, SIG_IGN);
    start_outside(outside);
    set_up();
    for (int i = 0; i < 2; i++) {
        close(pipe_to_us[i]);
        close(pipe_to_outside[i]);
    }
    wait_for_states("before");
    ready();
    wait_for_go();
    wait_for_states("after");
    put(fds[kQuiet], "ping");
    drain(fds[kFull], from_outside, "what the other had not read");
    expect(fds[kCloseWait], "last", "what was there before the end");
    expect_end(fds[kCloseWait], "the end");
    put(fds[kCloseWait], "pong");
    expect(fds[kFinWait1], "pong", "an answer after our end");
    expect(fds[kFinWait2], "pong", "an answer after our acknowledged end");
    for (int i = kSix; i < kNumber; i++) {
        put(fds[i], "ping");
        expect(fds[i], "pong", "an answer");
    }
    expect(fds[kQuiet], "pong", "the last word");
    int value = 0;
    socklen_t size = sizeof value;
    check(getsockopt(fds[kSix], IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value == 1, "TCP_NODELAY");
    pass();
}
