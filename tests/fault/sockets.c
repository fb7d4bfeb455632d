/* A target of the fault tests with sockets of every kind, each of which has something in it at any time: what comes out
 * must be what was put in, in its order.
 *   target-sockets BOARD
 */
#include "board.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { kAhead = 5 }; /* messages that wait */

static struct board *board;

static void fail(const char *format, ...)
{
    if (__atomic_fetch_add(&board->failures, 1, __ATOMIC_RELAXED))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(board->failure, sizeof board->failure, format, args);
    va_end(args);
}

static int done(int result, const char *what)
{
    if (result < 0)
        fail("%s: %s", what, strerror(errno));
    return result;
}

/* Two ends; numbers go from the first to the second. */
struct line {
    const char *name;
    int from, to;
    uint64_t sent, received;
    struct sockaddr_storage where; /* size 0: it is connected */
    socklen_t size;
    int carries; /* a descriptor goes along */
    int peeks, offset; /* what comes next is looked at before (SO_PEEK_OFF) */
};

static void put(struct line *line)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&line->sent, sizeof line->sent};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = line->size ? &line->where : NULL,
                             .msg_namelen = line->size};
    int carried = -1;
    if (line->carries) {
        carried = done(eventfd((unsigned)line->sent, EFD_NONBLOCK), "eventfd");
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof carried);
        memcpy(CMSG_DATA(header), &carried, sizeof carried);
    }
    if (sendmsg(line->from, &message, MSG_NOSIGNAL) != sizeof line->sent)
        fail("%s: send: %s", line->name, strerror(errno));
    line->sent++;
    if (carried >= 0)
        close(carried);
}

/* Looks from where the offset is: behind what an earlier look has seen. */
static void look_ahead(struct line *line)
{
    uint64_t got[2] = {0};
    int is = -1, wanted = 2 * sizeof *got - line->offset;
    socklen_t size = sizeof is;
    if (getsockopt(line->to, SOL_SOCKET, SO_PEEK_OFF, &is, &size) != 0 || is != line->offset)
        fail("%s: SO_PEEK_OFF is %d, wanted %d: %s", line->name, is, line->offset, strerror(errno));
    ssize_t n = recv(line->to, got, (size_t)wanted, MSG_PEEK | MSG_WAITALL);
    if (n != wanted || got[wanted / 8 - 1] != line->received + 1)
        fail("%s: saw %zd bytes ahead, the last number %llu, wanted %llu", line->name, n,
             (unsigned long long)got[wanted / 8 - 1], (unsigned long long)line->received + 1);
    line->offset = sizeof *got; /* which reading one number leaves */
}

static void take(struct line *line)
{
    if (line->peeks)
        look_ahead(line);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    uint64_t got = 0, count = 0;
    int carried = -1;
    struct iovec part = {&got, sizeof got};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(line->to, &message, MSG_WAITALL);
    if (n != sizeof got || got != line->received)
        fail("%s: got %zd bytes and %llu, wanted %llu: %s", line->name, n, (unsigned long long)got,
             (unsigned long long)line->received, strerror(errno));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (line->carries && header && header->cmsg_type == SCM_RIGHTS) {
        memcpy(&carried, CMSG_DATA(header), sizeof carried);
        if (got && (read(carried, &count, sizeof count) != sizeof count || count != (unsigned)got))
            fail("%s: the descriptor says %llu, wanted %llu", line->name, (unsigned long long)count,
                 (unsigned long long)got);
        close(carried);
    } else if (line->carries) {
        fail("%s: no descriptor came", line->name);
    }
    line->received++;
}

static struct line lines[16];
static int line_count;

static struct line *add_line(const char *name, int from, int to)
{
    struct line *line = &lines[line_count];
    strcpy(board->names[line_count], name);
    *line = (struct line){.name = board->names[line_count], .from = from, .to = to};
    line_count++;
    return line;
}

static struct line *add_pair(const char *name, int type)
{
    int ends[2] = {-1, -1};
    done(socketpair(AF_UNIX, type, 0, ends), "socketpair");
    return add_line(name, ends[0], ends[1]);
}

/* A socket at a port of the loopback address. */
static int at_port(int family, int type, struct line *line)
{
    struct sockaddr_in6 address = {.sin6_family = (sa_family_t)family};
    int fd = done(socket(family, type, 0), "socket");
    line->size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof address;
    if (family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address.sin6_addr = in6addr_loopback;
    done(bind(fd, (struct sockaddr *)&address, line->size), "bind");
    done(getsockname(fd, (struct sockaddr *)&line->where, &line->size), "getsockname");
    return fd;
}

static void add_tcp(const char *name, int family)
{
    struct line *line = add_line(name, -1, -1);
    int listener = at_port(family, SOCK_STREAM, line);
    done(listen(listener, 5), "listen");
    line->from = done(socket(family, SOCK_STREAM, 0), "socket");
    done(connect(line->from, (struct sockaddr *)&line->where, line->size), "connect");
    line->to = done(accept(listener, NULL, NULL), "accept");
    line->size = 0;
}

static void add_udp(const char *name, int family)
{
    struct line *line = add_line(name, -1, -1);
    line->to = at_port(family, SOCK_DGRAM, line);
    line->from = done(socket(family, SOCK_DGRAM, 0), "socket");
}

/* A server whose clients wait to be accepted, and have sent a number. */
static struct {
    int fd, clients[kAhead];
    struct sockaddr_un name;
    socklen_t size;
    uint64_t sent, accepted;
} server;

static void wait_at_server(void)
{
    int *client = &server.clients[server.sent % kAhead];
    *client = done(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    done(connect(*client, (struct sockaddr *)&server.name, server.size), "connect");
    done((int)write(*client, &server.sent, sizeof server.sent), "write");
    server.sent++;
}

static void accept_at_server(void)
{
    uint64_t got = 0;
    int fd = done(accept(server.fd, NULL, NULL), "accept");
    if (read(fd, &got, sizeof got) != sizeof got || got != server.accepted)
        fail("a client that waited: got %llu, wanted %llu", (unsigned long long)got, (unsigned long long)server.accepted);
    close(fd);
    close(server.clients[server.accepted++ % kAhead]);
}

/* Sockets that are only there. */
static int others[8], other_count;

static void add_others(void)
{
    others[other_count++] = done(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
    others[other_count++] = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    others[other_count++] = socket(AF_PACKET, SOCK_RAW, 0);
    others[other_count++] = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    for (int i = 0; i < other_count; i++)
        if (others[i] >= 0)
            done(setsockopt(others[i], SOL_SOCKET, SO_PRIORITY, &(int){i % 6}, sizeof(int)), "SO_PRIORITY");
}

static void check_others(void)
{
    for (int i = 0; i < other_count; i++) {
        int value = -1;
        socklen_t size = sizeof value;
        if (others[i] >= 0 && (getsockopt(others[i], SOL_SOCKET, SO_PRIORITY, &value, &size) != 0 || value != i % 6))
            fail("socket %d has priority %d: %s", i, value, strerror(errno));
    }
}

int main(int argc, char **argv)
{
    int file = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof *board) != 0)
        return 2;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (board == MAP_FAILED)
        return 2;
    add_pair("stream", SOCK_STREAM);
    add_pair("seqpacket", SOCK_SEQPACKET);
    add_pair("datagram", SOCK_DGRAM);
    struct line *peeked = add_pair("peeked", SOCK_STREAM);
    if (setsockopt(peeked->to, SOL_SOCKET, SO_PEEK_OFF, &peeked->offset, sizeof peeked->offset) == 0)
        peeked->peeks = 1;
    add_pair("carried", SOCK_SEQPACKET)->carries = 1;
    add_tcp("tcp", AF_INET);
    add_tcp("tcp6", AF_INET6);
    add_udp("udp", AF_INET);
    add_udp("udp6", AF_INET6);
    server.fd = done(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    server.name.sun_family = AF_UNIX;
    server.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                              (size_t)snprintf(server.name.sun_path + 1, 60, "cr-fault-%d", getpid()));
    done(bind(server.fd, (struct sockaddr *)&server.name, server.size), "bind");
    done(listen(server.fd, kAhead + 1), "listen");
    add_others();
    strcpy(board->names[line_count], "waiting");
    strcpy(board->names[line_count + 1], "others");
    for (int i = 0; i < kAhead; i++) {
        for (int k = 0; k < line_count; k++)
            put(&lines[k]);
        if (i)
            wait_at_server();
    }
    board->pid = (uint64_t)getpid();
    board->workers = (uint64_t)line_count + 2;
    __atomic_store_n(&board->magic, BOARD_MAGIC, __ATOMIC_RELEASE);
    for (;;) {
        for (int k = 0; k < line_count; k++) {
            put(&lines[k]);
            take(&lines[k]);
            board->beats[k]++;
        }
        wait_at_server();
        accept_at_server();
        board->beats[line_count]++;
        check_others();
        board->beats[line_count + 1]++;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}
