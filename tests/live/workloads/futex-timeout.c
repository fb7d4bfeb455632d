// without: core.thread_info.gpregs.ip
// differs: */syscall
// Futex waits with a relative and with an absolute timeout end by timing out, not early.
#include "workload.h"
#include <linux/futex.h>

enum { kTimeout = 250 };
static uint32_t word = 7;

static void relative(void)
{
    struct timespec timeout = {0, kTimeout * 1000000L};
    long long begun = now_ms();
    check(syscall(SYS_futex, &word, FUTEX_WAIT, 7, &timeout, NULL, 0) == -1 && errno == ETIMEDOUT,
          "a relative timeout");
    check(now_ms() - begun >= kTimeout, "the relative timeout came early");
    wait_for_go();
}

static void absolute(void)
{
    struct timespec until;
    long long begun = now_ms();
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += kTimeout * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
    check(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 7, &until, NULL, ~0) == -1 && errno == ETIMEDOUT,
          "an absolute timeout");
    check(now_ms() - begun >= kTimeout, "the absolute timeout came early");
    wait_for_go();
}

int main(void)
{
    pthread_t first = start_blocked(relative, SYS_futex), second = start_blocked(absolute, SYS_futex);
    ready();
    wait_for_go();
    join_thread(first);
    join_thread(second);
    pass();
}
