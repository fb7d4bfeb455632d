// refused: SCM_RIGHTS, empty packets
// Descriptors on their way beside an empty datagram: all of it is still there after the refusal.
#include "workload.h"
#include <sys/socket.h>

static void send_fd(int to, const char *bytes, size_t size, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    check(sendmsg(to, &message, 0) == (ssize_t)size, "sendmsg");
}

int main(void)
{
    int ends[2];
    char text[8];
    check(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
    send_fd(ends[0], "one", 3, ends[0]);
    send_fd(ends[0], "", 0, ends[1]);
    send_fd(ends[0], "two", 3, ends[0]);
    ready();
    wait_for_go();
    check_equal(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 3, "the first");
    check_equal(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 0, "the empty one");
    check_equal(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 3, "the last");
    pass();
}
