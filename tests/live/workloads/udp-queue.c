// without: sk-queues, sk-queues.cr_source
// Datagrams that nobody has read: with their senders, of v4 and v6, to a socket that is connected meanwhile, with more
// than one buffer is large by default, and behind a filter. What is said with each of them, too.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/socket.h>

static socklen_t any(int family, struct sockaddr_in6 *address)
{
    *address = (struct sockaddr_in6){.sin6_family = family};
    if (family == AF_INET6) {
        address->sin6_addr = in6addr_loopback;
        return sizeof *address;
    }
    ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(struct sockaddr_in);
}

static int bound(int family, int protocol, struct sockaddr_in6 *address)
{
    socklen_t size = any(family, address);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(fd, (struct sockaddr *)address, &size) == 0, "getsockname");
    return fd;
}

static socklen_t size_of(const struct sockaddr_in6 *address)
{
    return address->sin6_family == AF_INET6 ? sizeof *address : sizeof(struct sockaddr_in);
}

static void send_to(int fd, const struct sockaddr_in6 *to, const char *text, size_t size)
{
    check(sendto(fd, text, size, 0, (const struct sockaddr *)to, size_of(to)) == (ssize_t)size, "sendto");
}

// What comes next is `text` from `from`; the time to live is checked where it is told.
static void expect(int fd, const struct sockaddr_in6 *from, const char *text, size_t size, int ttl, const char *what)
{
    static char buffer[70000];
    char control[256];
    struct sockaddr_in6 name = {0};
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof control};
    check_equal(recvmsg(fd, &message, MSG_DONTWAIT), (long)size, what);
    check(memcmp(buffer, text, size) == 0, what);
    check(memcmp(&name, from, from->sin6_family == AF_INET6 ? offsetof(struct sockaddr_in6, sin6_scope_id) : 8) == 0,
          "the sender");
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TTL)
            check_equal(*(int *)CMSG_DATA(header), ttl, "the time to live");
}

static void family(int kind, int protocol, int fds[3], struct sockaddr_in6 names[3])
{
    for (int i = 0; i < 3; i++)
        fds[i] = bound(kind, protocol, &names[i]);
}

static char large[40000];

int main(void)
{
    int four[3], six[3], on = 1, ttl = 7, later;
    struct sockaddr_in6 name4[3], name6[3], later_name;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = i * 7 + i / 256;
    family(AF_INET, 0, four, name4);
    family(AF_INET6, 0, six, name6);
    later = bound(AF_INET, 0, &later_name);
    check(setsockopt(four[0], IPPROTO_IP, IP_RECVTTL, &on, sizeof on) == 0 &&
              setsockopt(four[1], IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == 0,
          "IP_TTL");
    send_to(four[1], &name4[0], "one", 3);
    send_to(four[2], &name4[0], "two", 3);
    send_to(four[1], &name4[0], large, sizeof large);
    check(close(four[2]) == 0, "close");
    send_to(six[1], &name6[0], "three", 5);
    send_to(six[2], &name6[0], "four", 4);
    // It hears only one, and had something of another before; its filter lets nothing in any more.
    send_to(four[1], &later_name, "before", 6);
    check(connect(later, (struct sockaddr *)&name4[0], size_of(&name4[0])) == 0, "connect");
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {1, &nothing};
    check(setsockopt(later, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "SO_ATTACH_FILTER");
    check(shutdown(six[1], SHUT_WR) == -1 || errno == 0, "of an unconnected one it works and reports an error");
    ready();
    wait_for_go();
    expect(four[0], &name4[1], "one", 3, 7, "the first datagram");
    expect(four[0], &name4[2], "two", 3, 64, "a datagram of one that is gone");
    expect(four[0], &name4[1], large, sizeof large, 7, "a large datagram");
    check(recv(four[0], large, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "no more");
    expect(six[0], &name6[1], "three", 5, 0, "v6");
    expect(six[0], &name6[2], "four", 4, 0, "v6, of another one");
    expect(later, &name4[1], "before", 6, 0, "what came before it was connected");
    check(send(later, "x", 1, 0) == 1, "it is connected");
    expect(four[0], &later_name, "x", 1, 64, "what it sends");
    send_to(four[0], &later_name, "y", 1);
    check(recv(later, large, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "its filter");
    send_to(six[2], &name6[0], "five", 4);
    expect(six[0], &name6[2], "five", 4, 0, "it goes on");
    check(sendto(six[1], "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&name6[0], sizeof name6[0]) == -1 && errno == EPIPE,
          "what was shut down");
    pass();
}
