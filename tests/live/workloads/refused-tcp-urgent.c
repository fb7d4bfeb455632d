// refused: out of band
// dump-options: --tcp-established
// A byte of a connection that was sent out of band and not read.
#include "workload.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(server, 4) == 0 && getsockname(server, (struct sockaddr *)&address, &length) == 0, "set-up");
    check(connect(client, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int served = accept(server, NULL, NULL);
    check(write(client, "ab", 2) == 2 && send(client, "!", 1, MSG_OOB) == 1, "send");
    struct pollfd urgent = {served, POLLPRI, 0};
    check(poll(&urgent, 1, -1) == 1, "it has come");
    ready();
    wait_for_go();
    char byte = 0, text[4];
    check(recv(served, &byte, 1, MSG_OOB) == 1 && byte == '!', "the byte after a refused dump");
    check(read(served, text, sizeof text) == 2, "what was sent before");
    pass();
}
