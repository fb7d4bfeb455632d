// The machine's pool of huge pages, which most machines leave empty: a workload takes what it needs and gives
// it back.
#ifndef LIVE_HUGEPAGES_H
#define LIVE_HUGEPAGES_H

#include "workload.h"
#include <sys/file.h>

// By how many pages of the default size the pool has grown.
static inline int change_pool(int change)
{
    char text[32];
    int now = 0, then = 0, fd = open("/proc/sys/vm/nr_hugepages", O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) // other workloads do the same
        return 0;
    if (pread(fd, text, sizeof text, 0) > 0)
        now = atoi(text);
    int n = snprintf(text, sizeof text, "%d\n", now + change);
    if (pwrite(fd, text, n, 0) == n && pread(fd, text, sizeof text, 0) > 0)
        then = atoi(text);
    close(fd);
    return then - now;
}

static inline void take_huge_pages(int count)
{
    int got = change_pool(count);
    if (got < count) {
        change_pool(-got);
        skip("no huge pages can be had from /proc/sys/vm/nr_hugepages\n");
    }
}

#endif
