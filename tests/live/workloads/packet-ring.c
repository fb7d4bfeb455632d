// without: files.psk.rx_ring
// The rings of packet sockets, mapped: to receive, in two processes, and to send, both behind each other in one mapping.
// A packet that comes afterwards is in the first frame.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

enum { kProtocol = 0x88b5, kSize = 4 * 4096 }; // for experiments: nobody sends it

static int ring_of(int name, size_t size, char **at)
{
    struct tpacket_req request = {.tp_block_size = 4096, .tp_block_nr = kSize / 4096, .tp_frame_size = 2048,
                                  .tp_frame_nr = kSize / 2048};
    int version = TPACKET_V2, fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0)
        skip("no packet sockets: %s\n", strerror(errno));
    check(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) == 0, "PACKET_VERSION");
    check(setsockopt(fd, SOL_PACKET, name, &request, sizeof request) == 0, "a ring");
    if (size > kSize)
        check(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof request) == 0, "the other ring");
    *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(*at != MAP_FAILED, "mmap");
    return fd;
}

static void await_packet(const char *ring, const char *text)
{
    const struct tpacket2_hdr *frame = (const void *)ring;
    while (!(__atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        sleep_ms(1);
    check(memcmp(ring + frame->tp_mac + ETH_HLEN, text, strlen(text)) == 0, "the packet");
}

static char *ring, *both;
static int line[2];

static void wait_in_child(void)
{
    char byte;
    child_ready();
    check(read(line[0], &byte, 1) == 1, "a pipe");
    await_packet(ring, "hello");
    _exit(0);
}

int main(void)
{
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(kProtocol), .sll_ifindex = (int)if_nametoindex("lo")};
    int receives = ring_of(PACKET_RX_RING, kSize, &ring), sends = ring_of(PACKET_RX_RING, 2 * kSize, &both);
    check(pipe(line) == 0, "pipe");
    pid_t child = start_child(wait_in_child);
    ready();
    wait_for_go();
    check(bind(receives, (struct sockaddr *)&where, sizeof where) == 0, "bind");
    struct tpacket2_hdr *frame = (void *)(both + kSize);
    char *packet = both + kSize + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);
    memset(packet, 0, ETH_HLEN);
    packet[12] = (char)(kProtocol >> 8);
    packet[13] = (char)kProtocol;
    memcpy(packet + ETH_HLEN, "hello", 5);
    frame->tp_len = 64;
    __atomic_store_n(&frame->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
    where.sll_protocol = htons(kProtocol);
    check(sendto(sends, NULL, 0, 0, (struct sockaddr *)&where, sizeof where) == 64, "send what is in the ring");
    await_packet(ring, "hello");
    check(write(line[1], "g", 1) == 1, "a pipe");
    child_passed(child);
    pass();
}
