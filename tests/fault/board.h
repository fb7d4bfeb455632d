/* What a target of the fault tests shows of itself, in a file that it maps: a beat per worker, counted on
 * with every piece of work that came out right, and what went wrong. Read by tests/fault/sweep (struct at the
 * top of it) and written by target.go too.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define BOARD_MAGIC 0x6472616f62ull
#define BOARD_WORKERS 48

struct board {
    uint64_t magic; /* set last: all workers run */
    uint64_t pid;
    uint64_t workers;
    uint64_t failures;
    uint64_t interrupted; /* calls that ended with EINTR where any stop may cause that (epoll_wait,
                             sigtimedwait) */
    uint64_t late;        /* signals that came before the call that waits for them */
    uint64_t beats[BOARD_WORKERS];
    char names[BOARD_WORKERS][16];
    char failure[256]; /* the first */
};

#endif
