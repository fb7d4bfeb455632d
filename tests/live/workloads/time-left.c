// without: core.thread_core.cr_call_left
// modes: plain, pipeline
// differs: */syscall
// Sleeps and timeouts go on with the time that was left: a second, of which most has passed before the
// checkpoint and again a second while the program was gone, is over soon after it. (One that starts anew
// takes another second.)
#include "workload.h"

#include <linux/futex.h>
#include <poll.h>

enum { kAll = 3000, kBefore = 1500 };
static const struct timespec kTime = {kAll / 1000, kAll % 1000 * 1000000};
static volatile int sleeping = 4;
static long long lasted[4];

// By clocks that count what a thread was there for: ticks of the leader.
static void done(int which, int right)
{
    check(right, "a call was interrupted, or ended too early");
    lasted[which] = now_ms();
    __atomic_sub_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
    wait_for_go();
}

static void by_nanosleep(void) { done(0, syscall(SYS_nanosleep, &kTime, NULL) == 0); }
static void by_clock(void) { done(1, clock_nanosleep(CLOCK_BOOTTIME, 0, &kTime, NULL) == 0); }

static void by_poll(void)
{
    static int ends[2];
    check(pipe(ends) == 0, "pipe");
    struct pollfd nothing = {ends[0], POLLIN, 0};
    done(2, syscall(SYS_poll, &nothing, 1, kAll) == 0);
}

static void by_futex(void)
{
    static int word = 7;
    done(3, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, &kTime, NULL, 0) < 0 && errno == ETIMEDOUT);
}

int main(void)
{
    pthread_t threads[4] = {start_blocked(by_nanosleep, SYS_nanosleep),
                            start_blocked(by_clock, SYS_clock_nanosleep), start_blocked(by_poll, SYS_poll),
                            start_blocked(by_futex, SYS_futex)};
    sleep_ms(kBefore);
    check_equal(sleeping, 4, "the calls ended before the checkpoint");
    ready();
    wait_for_go();
    long long go = now_ms();
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    for (int i = 0; i < 4; i++)
        check(lasted[i] - go < kAll - kBefore + 1000, "a call began anew with all of its time");
    pass();
}
