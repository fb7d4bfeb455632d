// without: files.isk.dst_port, files.isk.src_port
// UDP sockets: bound, and connected to another one, v4 and v6.
#include "workload.h"
#include <arpa/inet.h>
#include <sys/socket.h>

static void try_family(int family, int *server, int *client, struct sockaddr_in6 *address)
{
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in6){.sin6_family = family};
    if (family == AF_INET)
        ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address->sin6_addr = in6addr_loopback;
    *server = socket(family, SOCK_DGRAM, 0);
    *client = socket(family, SOCK_DGRAM, 0);
    if (bind(*server, (struct sockaddr *)address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(*server, (struct sockaddr *)address, &size) == 0, "getsockname");
    check(connect(*client, (struct sockaddr *)address, sizeof *address) == 0, "connect");
}

static void converse(int server, int client)
{
    char text[8];
    struct sockaddr_in6 from, own;
    socklen_t size = sizeof from, own_size = sizeof own;
    check(send(client, "hello", 5, 0) == 5, "send by a connected socket");
    check_equal(recvfrom(server, text, sizeof text, 0, (struct sockaddr *)&from, &size), 5, "a datagram");
    check(getsockname(client, (struct sockaddr *)&own, &own_size) == 0 && own.sin6_port == from.sin6_port,
          "the sender's port");
    check(sendto(server, "back", 4, 0, (struct sockaddr *)&from, size) == 4, "answer");
    check_equal(recv(client, text, sizeof text, 0), 4, "the answer");
}

int main(void)
{
    int server[2], client[2];
    struct sockaddr_in6 address[2], mine, later;
    socklen_t size = sizeof mine;
    try_family(AF_INET, &server[0], &client[0], &address[0]);
    try_family(AF_INET6, &server[1], &client[1], &address[1]);
    check(getsockname(client[0], (struct sockaddr *)&mine, &size) == 0, "getsockname");
    ready();
    wait_for_go();
    check(getsockname(client[0], (struct sockaddr *)&later, &size) == 0 && later.sin6_port == mine.sin6_port,
          "the port of the connected socket");
    for (int i = 0; i < 2; i++)
        converse(server[i], client[i]);
    pass();
}
