// without: files.usk.opts.cr_options
// Stream, packets and datagrams with a peek offset (SO_PEEK_OFF): what was looked at is not looked at again, and not
// lost. Once behind all that came, and once with a descriptor in what comes next.
#include "workload.h"
#include <sys/socket.h>

enum { kCases = 5 };

static int ends[kCases][2];

static void send_descriptor(int to, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {"ef", 2};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    check(sendmsg(to, &message, 0) == 2, "send a descriptor");
}

static void check_offset(int fd, int want)
{
    int offset = -2;
    socklen_t size = sizeof offset;
    check(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &size) == 0, "SO_PEEK_OFF");
    check_equal(offset, want, "SO_PEEK_OFF");
}

static void expect(int fd, int flags, const char *want, const char *what)
{
    char text[16] = "";
    check_equal(recv(fd, text, strlen(want), flags | MSG_DONTWAIT), (long)strlen(want), what);
    check(memcmp(text, want, strlen(want)) == 0, what);
}

int main(void)
{
    const int types[kCases] = {SOCK_STREAM, SOCK_STREAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    for (int i = 0; i < kCases; i++) {
        int offset = 0;
        check(socketpair(AF_UNIX, types[i], 0, ends[i]) == 0, "socketpair");
        check(setsockopt(ends[i][1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == 0, "SO_PEEK_OFF");
        check(write(ends[i][0], "ab", 2) == 2 && write(ends[i][0], "cd", 2) == 2, "write");
        expect(ends[i][1], MSG_PEEK, "ab", "the first look");
    }
    expect(ends[1][1], MSG_PEEK, "cd", "the second look");
    send_descriptor(ends[2][0], ends[0][0]);
    ready();
    wait_for_go();
    for (int i = 0; i < kCases; i++)
        check_offset(ends[i][1], i == 1 ? 4 : 2);
    for (int i = 0; i < kCases; i++)
        if (i != 1)
            expect(ends[i][1], MSG_PEEK, "cd", "what comes next");
    check(write(ends[1][0], "ef", 2) == 2, "write more");
    for (int i = 1; i < 3; i++)
        expect(ends[i][1], MSG_PEEK, "ef", "what comes behind that");
    for (int i = 0; i < kCases; i++) {
        expect(ends[i][1], 0, "ab", "the first part");
        expect(ends[i][1], 0, "cd", "the second part");
        check_offset(ends[i][1], i == 1 || i == 2 ? 2 : 0);
    }
    pass();
}
