// without: core.thread_info.gpregs.di
// pselect() with a mask of its own, and select() without: both wait on, and the masks come back as they were.
#include "workload.h"
#include <sys/select.h>

static int ends[2];
static sigset_t blocked, none;
static volatile int caught;

static void on_signal(int number) { caught = number; }

static void masked(void)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    check(pselect(0, NULL, NULL, NULL, NULL, &none) == -1 && errno == EINTR, "pselect was to be interrupted");
    check_equal(caught, SIGUSR1, "the signal that interrupted it");
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    check_equal(sigismember(&now, SIGUSR1), 1, "the mask after pselect");
}

static void plain(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    check_equal(select(ends[0] + 1, &set, NULL, NULL, NULL), 1, "select");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
    check(pipe(ends) == 0 && sigaction(SIGUSR1, &action, NULL) == 0, "set-up");
    pthread_t first = start_blocked(masked, SYS_pselect6), second = start_blocked(plain, SYS_pselect6);
    ready();
    wait_for_go();
    check_equal(caught, 0, "a signal from nowhere");
    pthread_kill(first, SIGUSR1);
    check(write(ends[1], "x", 1) == 1, "write");
    join_thread(first);
    join_thread(second);
    pass();
}
