// without: files.isk.cr_memberships
// Multicast groups of v4 and v6, with senders that are let in and kept out, and the options that go with them.
#include "workload.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

static struct group_filter *filter_of(int fd, int level, const struct sockaddr_storage *group)
{
    static char bytes[GROUP_FILTER_SIZE(4)];
    struct group_filter *filter = (struct group_filter *)bytes;
    socklen_t size = sizeof bytes;
    memset(bytes, 0, sizeof bytes);
    filter->gf_interface = if_nametoindex("lo");
    filter->gf_group = *group;
    filter->gf_numsrc = 4;
    check(getsockopt(fd, level, MCAST_MSFILTER, filter, &size) == 0, "a group");
    return filter;
}

static struct sockaddr_storage v4(const char *text)
{
    struct sockaddr_storage out = {.ss_family = AF_INET};
    inet_pton(AF_INET, text, &((struct sockaddr_in *)&out)->sin_addr);
    return out;
}

static struct sockaddr_storage v6(const char *text)
{
    struct sockaddr_storage out = {.ss_family = AF_INET6};
    inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&out)->sin6_addr);
    return out;
}

int main(void)
{
    int four = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
    struct group_req any = {.gr_interface = if_nametoindex("lo"), .gr_group = v4("239.1.2.3")};
    struct group_req any6 = {.gr_interface = if_nametoindex("lo"), .gr_group = v6("ff15::42")};
    struct group_source_req one = {
        .gsr_interface = any.gr_interface, .gsr_group = v4("232.1.2.3"), .gsr_source = v4("127.0.0.1")};
    struct group_source_req block = {
        .gsr_interface = any.gr_interface, .gsr_group = any.gr_group, .gsr_source = v4("10.9.8.7")};
    struct sockaddr_in name = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    int hops = 9, off = 0, value;
    if (setsockopt(four, IPPROTO_IP, MCAST_JOIN_GROUP, &any, sizeof any) != 0)
        skip("no multicast on loopback: %s\n", strerror(errno));
    check(setsockopt(four, IPPROTO_IP, MCAST_BLOCK_SOURCE, &block, sizeof block) == 0, "MCAST_BLOCK_SOURCE");
    check(setsockopt(four, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &one, sizeof one) == 0, "MCAST_JOIN_SOURCE_GROUP");
    check(setsockopt(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, &any6, sizeof any6) == 0, "join a group of v6");
    check(setsockopt(four, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops) == 0 &&
              setsockopt(four, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) == 0,
          "options");
    check(bind(four, (struct sockaddr *)&name, size) == 0 && getsockname(four, (struct sockaddr *)&name, &size) == 0,
          "bind");
    ready();
    wait_for_go();
    struct group_filter *filter = filter_of(four, IPPROTO_IP, &any.gr_group);
    check_equal(filter->gf_fmode, MCAST_EXCLUDE, "the mode of a group");
    check_equal(filter->gf_numsrc, 1, "senders that are kept out");
    check(memcmp(&filter->gf_slist[0], &block.gsr_source, 8) == 0, "the sender that is kept out");
    filter = filter_of(four, IPPROTO_IP, &one.gsr_group);
    check_equal(filter->gf_fmode, MCAST_INCLUDE, "the mode of a group with senders");
    check_equal(filter->gf_numsrc, 1, "senders that are let in");
    check_equal(filter_of(six, IPPROTO_IPV6, &any6.gr_group)->gf_fmode, MCAST_EXCLUDE, "a group of v6");
    size = sizeof value;
    check(getsockopt(four, IPPROTO_IP, IP_MULTICAST_TTL, &value, &size) == 0, "IP_MULTICAST_TTL");
    check_equal(value, 9, "IP_MULTICAST_TTL");
    check(getsockopt(four, IPPROTO_IP, IP_MULTICAST_ALL, &value, &size) == 0, "IP_MULTICAST_ALL");
    check_equal(value, 0, "IP_MULTICAST_ALL");
    // What is sent to the group on loopback arrives.
    struct ip_mreqn out = {.imr_ifindex = (int)any.gr_interface};
    char text[4];
    memcpy(&to.sin_addr, &((struct sockaddr_in *)&any.gr_group)->sin_addr, 4);
    to.sin_port = name.sin_port;
    check(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0, "IP_MULTICAST_IF");
    check(sendto(sender, "hi", 2, 0, (struct sockaddr *)&to, sizeof to) == 2, "send to a group");
    check_equal(recv(four, text, sizeof text, 0), 2, "what was sent to the group");
    pass();
}
