// refused: socket
// A pair of connected sockets.
#include "workload.h"
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    char byte;
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && write(ends[0], "s", 1) == 1, "set-up");
    ready();
    wait_for_go();
    check(read(ends[1], &byte, 1) == 1 && byte == 's', "the socket after a refused dump");
    pass();
}
