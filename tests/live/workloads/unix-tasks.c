// without: files.usk.peer
// A child that answers over a pair of sockets, with the sender's ids asked for.
#include "workload.h"
#include <sys/socket.h>

static int line[2];

static void answer(void)
{
    char text[16];
    close(line[0]);
    child_ready();
    for (ssize_t n; (n = read(line[1], text, sizeof text)) > 0;)
        check(write(line[1], text, n) == n, "write");
    pass();
}

int main(void)
{
    char text[16] = "", control[CMSG_SPACE(sizeof(struct ucred))];
    int asks[2], on = 1;
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, line) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, asks) == 0, "socketpair");
    pid_t child = start_child(answer);
    close(line[1]);
    check(setsockopt(asks[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0, "SO_PASSCRED");
    check(write(asks[0], "who", 3) == 3, "write");
    ready();
    wait_for_go();
    check(write(line[0], "echo", 4) == 4 && read(line[0], text, sizeof text) == 4 && memcmp(text, "echo", 4) == 0,
          "the child's answer");
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    check(recvmsg(asks[1], &message, 0) == 3, "recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    check(header && header->cmsg_type == SCM_CREDENTIALS, "the sender");
    check_equal(((struct ucred *)CMSG_DATA(header))->pid, getpid(), "the sender");
    close(line[0]);
    child_passed(child);
    pass();
}
