// without: sk-queues
// Sockets that share one port (SO_REUSEPORT), and two that are members of one group: each has what it had received,
// and nothing of the others'.
#include "workload.h"
#include <arpa/inet.h>
#include <sys/socket.h>

enum { kSockets = 4, kSenders = 24 };

static int bound(const char *at, int option, struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = inet_addr(at);
    check(setsockopt(fd, SOL_SOCKET, option, &on, sizeof on) == 0, "share a port");
    if (bind(fd, (struct sockaddr *)address, sizeof *address) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(fd, (struct sockaddr *)address, &length) == 0, "getsockname");
    return fd;
}

static void send_number(int fd, const struct sockaddr_in *to, int number)
{
    check(sendto(fd, &number, sizeof number, 0, (const struct sockaddr *)to, sizeof *to) == sizeof number, "send");
}

static void expect_number(int fd, int number, const char *what)
{
    int got = -1;
    check_equal(recv(fd, &got, sizeof got, MSG_DONTWAIT), sizeof got, what);
    check_equal(got, number, what);
}

static void expect_nothing(int fd)
{
    int got;
    check(recv(fd, &got, sizeof got, MSG_DONTWAIT) == -1 && errno == EAGAIN, "one has more than it had received");
}

int main(void)
{
    struct sockaddr_in address = {0}, group = {0};
    int shared[kSockets], members[2], senders[kSenders], owner[kSenders], got;
    for (int i = 0; i < kSockets; i++)
        shared[i] = bound("127.0.0.1", SO_REUSEPORT, &address);
    // The kernel gives all that one sender sends to the same of them.
    for (int i = 0; i < kSenders; i++) {
        senders[i] = socket(AF_INET, SOCK_DGRAM, 0);
        send_number(senders[i], &address, -1);
        owner[i] = -1;
        for (int k = 0; k < kSockets; k++)
            if (recv(shared[k], &got, sizeof got, MSG_DONTWAIT) == sizeof got)
                owner[i] = k;
        check(owner[i] >= 0, "it has come");
    }
    for (int i = 0; i < kSenders; i++)
        send_number(senders[i], &address, i);
    struct ip_mreqn member = {.imr_multiaddr.s_addr = inet_addr("239.1.2.3"), .imr_ifindex = 1};
    int sends = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = 0; i < 2; i++) {
        members[i] = bound("0.0.0.0", SO_REUSEADDR, &group);
        check(setsockopt(members[i], IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member) == 0, "join a group");
    }
    group.sin_addr = member.imr_multiaddr;
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    check(setsockopt(sends, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) == 0, "IP_MULTICAST_IF");
    for (int i = 0; i < 3; i++)
        send_number(sends, &group, 100 + i);
    ready();
    wait_for_go();
    for (int i = 0; i < kSenders; i++)
        expect_number(shared[owner[i]], i, "what it had received");
    for (int i = 0; i < kSockets; i++)
        expect_nothing(shared[i]);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 3; k++)
            expect_number(members[i], 100 + k, "what was sent to the group");
        expect_nothing(members[i]);
    }
    send_number(sends, &group, 7);
    expect_number(members[0], 7, "the group goes on");
    expect_number(members[1], 7, "the group goes on");
    pass();
}
