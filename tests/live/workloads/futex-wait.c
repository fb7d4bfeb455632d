// without: core.thread_info.gpregs.orig_ax
// A thread that waits for a futex without a timeout is woken by the next wake, and by nothing else.
#include "workload.h"
#include <linux/futex.h>

static volatile uint32_t word = 7;

static volatile pid_t waits;

static void waiter(void)
{
    waits = gettid();
    check_equal(syscall(SYS_futex, &word, FUTEX_WAIT, 7, NULL, NULL, 0), 0, "the futex wait");
    check_equal(word, 8, "woken before its time");
}

int main(void)
{
    pthread_t thread = start_blocked(waiter, SYS_futex);
    ready();
    wait_for_go();
    wait_blocked(waits, SYS_futex); // after a stop it is not in the call until it has run again
    word = 8;
    for (int tries = 0; tries < 1000; ++tries, sleep_ms(1))
        if (syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1) {
            join_thread(thread);
            pass();
        }
    check(0, "nobody waits for the futex");
}
