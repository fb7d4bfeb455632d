// without: core.thread_info.gpregs.dx
// differs: */syscall
// poll() with a timeout on an empty pipe: times out, not sooner than asked; one without waits for the byte.
#include "workload.h"
#include <poll.h>

enum { kTimeout = 250 };
static int quiet[2], busy[2];
static long long begun, ended;

static void timed(void)
{
    struct pollfd one = {quiet[0], POLLIN, 0};
    begun = now_ms();
    check_equal(poll(&one, 1, kTimeout), 0, "poll with a timeout");
    ended = now_ms();
    wait_for_go();
}

static void endless(void)
{
    struct pollfd one = {busy[0], POLLIN, 0};
    check_equal(poll(&one, 1, -1), 1, "poll without a timeout");
    check_equal(one.revents, POLLIN, "its event");
}

int main(void)
{
    check(pipe(quiet) == 0 && pipe(busy) == 0, "pipe");
    pthread_t first = start_blocked(timed, SYS_poll), second = start_blocked(endless, SYS_poll);
    ready();
    wait_for_go();
    check(write(busy[1], "x", 1) == 1, "write");
    join_thread(second);
    join_thread(first);
    check(ended - begun >= kTimeout, "poll came back too early");
    pass();
}
