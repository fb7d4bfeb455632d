// dump-options: --tcp-close
// modes: plain, thrice, pipeline
// without: files.isk.shutdown
// Connections of TCP that may come back closed do: the end of the data is read, and a server goes on
// listening.
#include "workload.h"
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, size) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(server, 4) == 0 && getsockname(server, (struct sockaddr *)&address, &size) == 0, "listen");
    check(connect(client, (struct sockaddr *)&address, size) == 0, "connect");
    int connection = accept(server, NULL, NULL);
    check(connection >= 0, "accept");
    ready();
    wait_for_go();
    char byte;
    signal(SIGPIPE, SIG_IGN);
    check_equal(read(client, &byte, 1), 0, "what the client reads");
    check_equal(read(connection, &byte, 1), 0, "what the server reads");
    check(write(client, "x", 1) < 0 && errno == EPIPE, "what the client writes");
    int again = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(again, (struct sockaddr *)&address, size) == 0 && accept(server, NULL, NULL) >= 0,
          "a new connection");
    pass();
}
