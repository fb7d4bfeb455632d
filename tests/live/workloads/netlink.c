// without: files.nlsk.portid, files.nlsk.groups
// Netlink sockets: their port, groups (one above 32), options, a filter, one that is connected.
#include "workload.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static void add(int fd, int group)
{
    check(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0, "NETLINK_ADD_MEMBERSHIP");
}

static int value_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    check(getsockopt(fd, level, name, &value, &size) == 0, "getsockopt");
    return value;
}

// Asks for loopback and waits for the answer.
static void ask(int fd)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg body;
    } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST, 7, 0}, {.ifi_index = 1}};
    char answer[16384];
    check(send(fd, &request, sizeof request, 0) == sizeof request, "send");
    check(recv(fd, answer, sizeof answer, 0) > 0, "an answer");
    check_equal(((struct nlmsghdr *)answer)->nlmsg_type, RTM_NEWLINK, "an answer");
}

int main(void)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK}, peer = {.nl_family = AF_NETLINK}, later;
    socklen_t size = sizeof name;
    int bound = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), fresh = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
    int on = 1, events = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (bound < 0 || fresh < 0 || events < 0)
        skip("no netlink: %s\n", strerror(errno));
    check(bind(bound, (struct sockaddr *)&name, size) == 0 && getsockname(bound, (struct sockaddr *)&name, &size) == 0,
          "bind");
    add(bound, RTNLGRP_ND_USEROPT);
    add(bound, RTNLGRP_BRVLAN); // above 32 there are those of few events
    check(connect(bound, (struct sockaddr *)&peer, sizeof peer) == 0, "connect");
    check(setsockopt(bound, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) == 0 &&
              setsockopt(bound, SOL_NETLINK, NETLINK_PKTINFO, &on, sizeof on) == 0,
          "options");
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
    struct sock_fprog filter = {1, &all};
    check(setsockopt(events, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "SO_ATTACH_FILTER");
    ask(bound);
    ready();
    wait_for_go();
    size = sizeof later;
    check(getsockname(bound, (struct sockaddr *)&later, &size) == 0, "getsockname");
    check_equal(later.nl_pid, name.nl_pid, "the port");
    check_equal(later.nl_groups, 1u << (RTNLGRP_ND_USEROPT - 1), "the groups");
    uint32_t words[4] = {0};
    size = sizeof words;
    check(getsockopt(bound, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &size) == 0, "the groups");
    int last = RTNLGRP_BRVLAN - 1;
    check(words[last / 32] & 1u << last % 32, "a group");
    check_equal(value_of(bound, SOL_NETLINK, NETLINK_EXT_ACK), 1, "NETLINK_EXT_ACK");
    check_equal(value_of(bound, SOL_NETLINK, NETLINK_PKTINFO), 1, "NETLINK_PKTINFO");
    check_equal(value_of(fresh, SOL_SOCKET, SO_TYPE), SOCK_DGRAM, "the type");
    check_equal(value_of(events, SOL_SOCKET, SO_PROTOCOL), NETLINK_KOBJECT_UEVENT, "the protocol");
    size = 0;
    check(getsockopt(events, SOL_SOCKET, SO_GET_FILTER, NULL, &size) == 0, "SO_GET_FILTER");
    check_equal(size, 1, "the filter");
    ask(bound);
    ask(fresh);
    pass();
}
