// without: sk-queues, files.usk.peer, files.usk.shutdown
// Pairs of unix sockets: streams, packets and datagrams, with content, half shut down, and one whose peer is gone.
#include "workload.h"
#include <sys/socket.h>

enum { kLarge = 150000 };

static char large[kLarge], got[kLarge];

static void expect(int fd, const char *text, const char *what)
{
    char buffer[64] = "";
    check_equal(recv(fd, buffer, sizeof buffer - 1, MSG_DONTWAIT), (long)strlen(text), what);
    check(strcmp(buffer, text) == 0, what);
}

int main(void)
{
    int stream[2], packet[2], datagram[2], gone[2], half[2], full[2], size = 400000, value = 0;
    socklen_t length = sizeof value;
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packet) == 0 &&
              socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, datagram) == 0 &&
              socketpair(AF_UNIX, SOCK_STREAM, 0, gone) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, half) == 0 &&
              socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0,
          "socketpair");
    for (int i = 0; i < kLarge; i++)
        large[i] = i * 7 + i / 256;
    check(setsockopt(full[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0, "SO_SNDBUF");
    check(write(full[0], large, kLarge) == kLarge, "write much");
    check(write(stream[0], "abc", 3) == 3 && write(stream[0], "def", 3) == 3 && write(stream[1], "x", 1) == 1, "write");
    check(write(packet[0], "one", 3) == 3 && write(packet[0], "two", 3) == 3, "write");
    check(write(datagram[0], "three", 5) == 5 && write(datagram[0], "four", 4) == 4, "write");
    check(write(gone[0], "bye", 3) == 3 && close(gone[0]) == 0, "write");
    check(write(half[0], "end", 3) == 3 && shutdown(half[0], SHUT_WR) == 0, "shutdown");
    int limit = 0;
    check(getsockopt(full[0], SOL_SOCKET, SO_SNDBUF, &limit, &length) == 0, "SO_SNDBUF");
    struct timeval timeout = {3, 500000};
    check(setsockopt(stream[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0, "SO_RCVTIMEO");
    ready();
    wait_for_go();
    expect(stream[1], "abcdef", "the stream");
    expect(stream[0], "x", "the stream, back");
    check(write(stream[0], "on", 2) == 2, "write on");
    expect(stream[1], "on", "the stream goes on");
    expect(packet[1], "one", "the first packet");
    expect(packet[1], "two", "the second packet");
    check(write(packet[1], "back", 4) == 4, "write back");
    expect(packet[0], "back", "packets go on");
    expect(datagram[1], "three", "the first datagram");
    expect(datagram[1], "four", "the second datagram");
    check(recv(datagram[1], got, 1, 0) == -1 && errno == EAGAIN, "O_NONBLOCK");
    expect(gone[1], "bye", "what the other end has sent before it was closed");
    check(recv(gone[1], got, 1, 0) == 0, "the end of what has no peer");
    check(send(gone[1], "y", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "writing to nobody");
    expect(half[1], "end", "what came before the shutdown");
    check(recv(half[1], got, 1, 0) == 0, "the shutdown");
    check(write(half[1], "z", 1) == 1, "the other direction");
    expect(half[0], "z", "the other direction");
    for (int at = 0, n; at < kLarge; at += n)
        check((n = recv(full[1], got + at, kLarge - at, MSG_DONTWAIT)) > 0, "much content");
    check(memcmp(got, large, kLarge) == 0, "much content");
    check(getsockopt(full[0], SOL_SOCKET, SO_SNDBUF, &value, &length) == 0, "SO_SNDBUF");
    check_equal(value, limit, "SO_SNDBUF");
    length = sizeof timeout;
    check(getsockopt(stream[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) == 0, "SO_RCVTIMEO");
    check_equal(timeout.tv_sec, 3, "SO_RCVTIMEO");
    pass();
}
