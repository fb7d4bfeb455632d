// refused: mapped, and nobody in the tree has it open
// The mapped ring of a packet socket that was closed: there is nothing to make it of again.
#include "workload.h"
#include <linux/if_packet.h>
#include <sys/socket.h>

int main(void)
{
    struct tpacket_req request = {.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 2};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0)
        skip("no packet sockets: %s\n", strerror(errno));
    check(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) == 0, "a ring");
    char *ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(ring != MAP_FAILED && close(fd) == 0, "mmap");
    ready();
    wait_for_go();
    check(ring[0] == 0, "the ring");
    pass();
}
