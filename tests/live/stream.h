// What waits in connections: bytes whose place in the stream tells their value.
#pragma once

#include "workload.h"

#include <sys/socket.h>

static unsigned char byte_at(long i) { return (unsigned char)(i * 7 + i / 251); }

// As much as the connection takes now; how much that was.
static long fill(int fd)
{
    unsigned char block[1000];
    long sent = 0, idle = 0;
    while (idle < 20) {
        for (int i = 0; i < 1000; i++)
            block[i] = byte_at(sent + i);
        ssize_t n = send(fd, block, sizeof block, MSG_DONTWAIT);
        if (n > 0) {
            sent += n;
            idle = 0;
        } else {
            idle++;
            sleep_ms(5);
        }
    }
    return sent;
}

static void drain(int fd, long bytes, const char *what)
{
    unsigned char block[5000];
    for (long seen = 0; seen < bytes;) {
        size_t room = sizeof block < (size_t)(bytes - seen) ? sizeof block : (size_t)(bytes - seen);
        ssize_t n = read(fd, block, room);
        check(n > 0, what);
        for (ssize_t i = 0; i < n; i++)
            check_equal(block[i], byte_at(seen + i), what);
        seen += n;
    }
}
