// without: sk-queues
// Packets of unix sockets that are larger than buffers are by default.
#include "workload.h"
#include <sys/socket.h>

enum { kLarge = 900000, kSmall = 100000 };

static void fill(char *bytes, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = i * 13 + i / 253;
}

int main(void)
{
    static char large[kLarge], got[kLarge];
    int packets[2], datagrams[2], room = kLarge + (1 << 20);
    fill(large, kLarge);
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0,
          "socketpair");
    if (setsockopt(packets[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
        skip("no large buffers: %s\n", strerror(errno));
    check(setsockopt(datagrams[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) == 0, "SO_SNDBUFFORCE");
    check(send(packets[0], "a", 1, 0) == 1, "send a packet");
    if (send(packets[0], large, kLarge, MSG_DONTWAIT) != kLarge)
        skip("no memory in one piece: %s\n", strerror(errno));
    check(send(packets[0], large, kSmall, MSG_DONTWAIT) == kSmall, "send packets");
    check(send(datagrams[0], large, kSmall, MSG_DONTWAIT) == kSmall && send(datagrams[0], "b", 1, 0) == 1, "send datagrams");
    ready();
    wait_for_go();
    check(recv(packets[1], got, kLarge, MSG_DONTWAIT) == 1 && got[0] == 'a', "the first packet");
    check(recv(packets[1], got, kLarge, MSG_DONTWAIT) == kLarge && memcmp(got, large, kLarge) == 0, "the largest packet");
    check(recv(packets[1], got, kLarge, MSG_DONTWAIT) == kSmall && memcmp(got, large, kSmall) == 0, "the last packet");
    check(recv(datagrams[1], got, kLarge, MSG_DONTWAIT) == kSmall && memcmp(got, large, kSmall) == 0, "the datagram");
    check(recv(datagrams[1], got, kLarge, MSG_DONTWAIT) == 1 && got[0] == 'b', "the last datagram");
    pass();
}
