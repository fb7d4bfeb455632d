// refused: netlink protocol 0, that nobody has read
// An answer of the kernel that nobody has read: it is still there after the refusal.
#include "workload.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

int main(void)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg body;
    } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST, 7, 0}, {.ifi_index = 1}};
    char answer[16384];
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (fd < 0)
        skip("no netlink: %s\n", strerror(errno));
    check(send(fd, &request, sizeof request, 0) == sizeof request, "send");
    ready();
    wait_for_go();
    check(recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0, "the answer");
    pass();
}
