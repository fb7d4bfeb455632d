// modes: plain, pipeline
// without: sk-queues
// Empty datagrams that nobody has read, before and behind others. (The kernel shows them to the first dump only.)
#include "workload.h"
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    char text[8];
    int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&name, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(getsockname(server, (struct sockaddr *)&name, &size) == 0, "getsockname");
    check(connect(client, (struct sockaddr *)&name, size) == 0, "connect");
    check(send(client, "", 0, 0) == 0 && send(client, "one", 3, 0) == 3 && send(client, "", 0, 0) == 0 &&
              send(client, "", 0, 0) == 0 && send(client, "four", 4, 0) == 4,
          "send");
    ready();
    wait_for_go();
    check_equal(recv(server, text, sizeof text, MSG_DONTWAIT), 0, "the first");
    check_equal(recv(server, text, sizeof text, MSG_DONTWAIT), 3, "the second");
    check_equal(recv(server, text, sizeof text, MSG_DONTWAIT), 0, "the third");
    check_equal(recv(server, text, sizeof text, MSG_DONTWAIT), 0, "the fourth");
    check_equal(recv(server, text, sizeof text, MSG_DONTWAIT), 4, "the last");
    check(recv(server, text, sizeof text, MSG_DONTWAIT) == -1 && errno == EAGAIN, "no more");
    pass();
}
