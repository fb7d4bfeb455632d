// refused: socket
// A listening socket and a connection to it, in a child.
#include "workload.h"
#include <arpa/inet.h>
#include <sys/socket.h>

static struct sockaddr_in address = {.sin_family = AF_INET};

static void child(void)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(client, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    child_ready();
    wait_for_go();
    check(write(client, "c", 1) == 1, "the connection after a refused dump");
}

int main(void)
{
    char byte;
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
        skip("no loopback network: %s\n", strerror(errno));
    check(listen(server, 4) == 0 && getsockname(server, (struct sockaddr *)&address, &length) == 0, "set-up");
    pid_t pid = start_child(child);
    int connection = accept(server, NULL, NULL);
    ready();
    wait_for_go();
    check(read(connection, &byte, 1) == 1 && byte == 'c', "the connection after a refused dump");
    child_passed(pid);
    pass();
}
