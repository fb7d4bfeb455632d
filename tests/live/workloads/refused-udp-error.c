// refused: an error of an earlier datagram
// A UDP socket with a datagram and an error before it (nobody was at the port that it has sent to).
#include "workload.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), peer = socket(AF_INET, SOCK_DGRAM, 0);
    here.sin_addr.s_addr = there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || bind(peer, (struct sockaddr *)&there, sizeof there) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(fd, (struct sockaddr *)&here, &size) == 0 && getsockname(peer, (struct sockaddr *)&there, &size) == 0,
          "getsockname");
    check(connect(fd, (struct sockaddr *)&there, size) == 0, "connect");
    check(sendto(peer, "one", 3, 0, (struct sockaddr *)&here, size) == 3 && close(peer) == 0, "send");
    check(send(fd, "x", 1, 0) == 1, "send to nobody");
    struct pollfd wait = {fd, POLLIN, 0};
    while (poll(&wait, 1, -1) != 1 || !(wait.revents & POLLERR))
        sleep_ms(1);
    ready();
    wait_for_go();
    char text[4];
    check(recv(fd, text, sizeof text, 0) == -1 && errno == ECONNREFUSED, "the error after a refused dump");
    check(recv(fd, text, sizeof text, 0) == 3, "the datagram after a refused dump");
    pass();
}
