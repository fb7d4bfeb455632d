// without: files.psk.protocol, files.psk.mclist
// Packet sockets: bound to an interface, with memberships, options, a filter, a ring that is not mapped, a fan-out group.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

static int value_of(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    check(getsockopt(fd, SOL_PACKET, name, &value, &size) == 0, "getsockopt");
    return value;
}

static void set(int fd, int name, int value)
{
    check(setsockopt(fd, SOL_PACKET, name, &value, sizeof value) == 0, "setsockopt");
}

static struct sockaddr_ll name_of(int fd)
{
    struct sockaddr_ll name = {0};
    socklen_t size = sizeof name;
    check(getsockname(fd, (struct sockaddr *)&name, &size) == 0, "getsockname");
    return name;
}

static unsigned flags_of_loopback(void)
{
    char text[32] = "";
    int fd = open("/sys/class/net/lo/flags", O_RDONLY);
    if (fd < 0)
        skip("no sysfs: %s\n", strerror(errno));
    check(read(fd, text, sizeof text - 1) > 0 && close(fd) == 0, "read");
    return strtoul(text, NULL, 16);
}

int main(void)
{
    enum { kProtocol = 0x88b5 }; // for experiments: nobody sends it
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(kProtocol), .sll_ifindex = (int)if_nametoindex("lo")};
    int raw = socket(AF_PACKET, SOCK_RAW, 0), cooked = socket(AF_PACKET, SOCK_DGRAM, htons(kProtocol + 1));
    int ring = socket(AF_PACKET, SOCK_RAW, 0), spread = socket(AF_PACKET, SOCK_RAW, 0);
    if (raw < 0 || cooked < 0)
        skip("no packet sockets: %s\n", strerror(errno));
    struct packet_mreq group = {.mr_ifindex = where.sll_ifindex, .mr_type = PACKET_MR_ALLMULTI};
    check(bind(raw, (struct sockaddr *)&where, sizeof where) == 0, "bind");
    check(setsockopt(raw, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group) == 0, "PACKET_ADD_MEMBERSHIP");
    set(raw, PACKET_AUXDATA, 1);
    set(raw, PACKET_ORIGDEV, 1);
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
    struct sock_fprog filter = {1, &all};
    check(setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "SO_ATTACH_FILTER");
    struct tpacket_req request = {.tp_block_size = 4096, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 4};
    set(ring, PACKET_VERSION, TPACKET_V2);
    set(ring, PACKET_RESERVE, 16);
    check(setsockopt(ring, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) == 0, "PACKET_RX_RING");
    check(bind(spread, (struct sockaddr *)&where, sizeof where) == 0, "bind");
    int fanout = PACKET_FANOUT_LB << 16 | (getpid() & 0xffff);
    set(spread, PACKET_FANOUT, fanout);
    ready();
    wait_for_go();
    check_equal(name_of(raw).sll_ifindex, where.sll_ifindex, "the interface");
    check_equal(ntohs(name_of(raw).sll_protocol), kProtocol, "the protocol");
    check_equal(ntohs(name_of(cooked).sll_protocol), kProtocol + 1, "the protocol of another");
    check_equal(value_of(raw, PACKET_AUXDATA), 1, "PACKET_AUXDATA");
    check_equal(value_of(raw, PACKET_ORIGDEV), 1, "PACKET_ORIGDEV");
    check_equal(value_of(ring, PACKET_VERSION), TPACKET_V2, "PACKET_VERSION");
    check_equal(value_of(ring, PACKET_RESERVE), 16, "PACKET_RESERVE");
    check_equal(value_of(spread, PACKET_FANOUT), fanout, "PACKET_FANOUT");
    check(flags_of_loopback() & IFF_ALLMULTI, "the membership");
    check(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0) != MAP_FAILED, "the ring");
    socklen_t size = 0;
    check(getsockopt(raw, SOL_SOCKET, SO_GET_FILTER, NULL, &size) == 0, "SO_GET_FILTER");
    check_equal(size, 1, "the filter");
    char frame[64] = {[12] = kProtocol >> 8, [13] = (char)(kProtocol & 0xff), [14] = 'f'}, got[128];
    struct sockaddr_ll to = where;
    check(sendto(raw, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to) == sizeof frame, "send a frame");
    check(recv(raw, got, sizeof got, 0) >= (ssize_t)sizeof frame && got[14] == 'f', "a frame over loopback");
    pass();
}
