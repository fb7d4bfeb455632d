// dump-options: --tcp-established
// without: files.isk.opts.cr_options
// A connection with a peek offset (SO_PEEK_OFF): what was looked at is not looked at again, and not lost.
#include "workload.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), offset = 0;
    char text[16] = "";
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(server, 4) == 0 && getsockname(server, (struct sockaddr *)&address, &length) == 0, "set-up");
    check(connect(client, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int served = accept(server, NULL, NULL);
    if (setsockopt(served, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) != 0)
        skip("no peek offset for TCP: %s\n", strerror(errno));
    check(write(client, "abcdef", 6) == 6, "write");
    check(recv(served, text, 2, MSG_PEEK | MSG_WAITALL) == 2 && memcmp(text, "ab", 2) == 0, "the first look");
    ready();
    wait_for_go();
    length = sizeof offset;
    check(getsockopt(served, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) == 0, "SO_PEEK_OFF");
    check_equal(offset, 2, "SO_PEEK_OFF");
    check(recv(served, text, 3, MSG_PEEK | MSG_WAITALL) == 3 && memcmp(text, "cde", 3) == 0, "the second look");
    check(recv(served, text, 6, MSG_WAITALL) == 6 && memcmp(text, "abcdef", 6) == 0, "all of it");
    check(write(client, "on", 2) == 2 && recv(served, text, 2, MSG_WAITALL) == 2, "it goes on");
    pass();
}
