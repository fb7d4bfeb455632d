// dump-options: --tcp-established
// without: files.isk.dst_port, files.isk.state, tcp-stream
// Open connections of TCP between two tasks: with nothing in them, with data in every queue, half closed; v4,
// v6, and v4 on one side with v6 on the other.
#include "stream.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { kQuiet, kFull, kHalf, kSix, kMapped, kNumber };

static struct sockaddr_in6 address[kNumber];
static int server[kNumber], client[kNumber], connection[kNumber];
static long *filled; // what the child could write, by both

static void expect(int fd, const char *text, const char *what)
{
    char got[16] = "";
    check_equal(recv(fd, got, strlen(text), MSG_WAITALL), (long)strlen(text), what);
    check(strcmp(got, text) == 0, what);
}

static void connect_all(void)
{
    for (int i = 0; i < kNumber; i++) {
        struct sockaddr_in6 to = address[i];
        if (i == kMapped) {
            in_port_t port = to.sin6_port;
            struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
            four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            memcpy(&to, &four, sizeof four);
        }
        client[i] = socket(to.sin6_family, SOCK_STREAM, 0);
        check(connect(client[i], (struct sockaddr *)&to, sizeof to) == 0, "connect");
    }
}

static void child(void)
{
    connect_all();
    filled[0] = fill(client[kFull]);
    check(send(client[kHalf], "last", 4, 0) == 4 && shutdown(client[kHalf], SHUT_WR) == 0, "half close");
    child_ready();
    wait_for_go();
    for (int i = kQuiet; i < kNumber; i++)
        if (i != kHalf && i != kFull)
            check(send(client[i], "ping", 4, 0) == 4, "send");
    drain(client[kFull], filled[1], "what the client had not read");
    expect(client[kHalf], "pong", "through a half closed connection");
    char byte;
    check_equal(read(client[kHalf], &byte, 1), 0, "the end of the half closed one");
    for (int i = kQuiet; i < kNumber; i++)
        if (i != kHalf)
            expect(client[i], "pong", "the answer");
}

int main(void)
{
    filled = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(filled != MAP_FAILED, "mmap");
    for (int i = 0; i < kNumber; i++) {
        socklen_t size = sizeof address[i];
        address[i].sin6_family = i >= kSix ? AF_INET6 : AF_INET;
        if (i < kSix)
            ((struct sockaddr_in *)&address[i])->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else if (i == kSix)
            address[i].sin6_addr = in6addr_loopback;
        server[i] = socket(address[i].sin6_family, SOCK_STREAM, 0);
        if (bind(server[i], (struct sockaddr *)&address[i], size) != 0)
            skip("no loopback network: %s\n", strerror(errno));
        check(listen(server[i], 2) == 0 && getsockname(server[i], (struct sockaddr *)&address[i], &size) == 0,
              "listen");
    }
    pid_t pid = start_child(child);
    for (int i = 0; i < kNumber; i++)
        check((connection[i] = accept(server[i], NULL, NULL)) >= 0, "accept");
    filled[1] = fill(connection[kFull]);
    int one = 1, value = 0;
    socklen_t size = sizeof value;
    check(setsockopt(connection[kSix], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
    ready();
    wait_for_go();
    check(getsockopt(connection[kSix], IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value == 1,
          "TCP_NODELAY");
    drain(connection[kFull], filled[0], "what the server had not read");
    expect(connection[kHalf], "last", "what was sent before the end");
    char byte;
    check_equal(read(connection[kHalf], &byte, 1), 0, "the end");
    for (int i = kQuiet; i < kNumber; i++) {
        if (i != kHalf && i != kFull)
            expect(connection[i], "ping", "the question");
        check(send(connection[i], "pong", 4, 0) == 4, "send");
    }
    close(connection[kHalf]);
    child_passed(pid);
    int again = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(again, (struct sockaddr *)&address[kQuiet], sizeof address[0]) == 0, "a new connection");
    pass();
}
