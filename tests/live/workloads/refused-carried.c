// refused: SCM_RIGHTS, performance counters
// A descriptor that cannot be kept and that nobody has: it is on its way in a socket in a socket.
#include "workload.h"
#include <linux/perf_event.h>
#include <sys/socket.h>

static void send_fd(int to, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {(void *)"x", 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    check(sendmsg(to, &message, 0) == 1 && close(fd) == 0, "sendmsg");
}

int main(void)
{
    int outer[2], inner[2];
    struct perf_event_attr what = {.type = PERF_TYPE_SOFTWARE, .size = sizeof what, .config = PERF_COUNT_SW_PAGE_FAULTS};
    int counter = syscall(SYS_perf_event_open, &what, 0, -1, -1, 0);
    if (counter < 0)
        skip("no performance counters here\n");
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, outer) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, inner) == 0,
          "socketpair");
    send_fd(inner[0], counter);
    send_fd(outer[0], inner[1]);
    ready();
    wait_for_go();
    check(close(inner[0]) == 0 && recv(outer[1], &(char){0}, 1, MSG_DONTWAIT) == 1, "what was sent is there");
    pass();
}
