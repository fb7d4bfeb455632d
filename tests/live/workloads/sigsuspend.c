// without: core.thread_core.blk_sigset
// A thread in sigsuspend() waits under the temporary mask and gets its own mask back.
#include "workload.h"

static volatile int caught;
static sigset_t blocked, none;

static void on_signal(int number) { caught = number; }

static void suspended(void)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    check(sigsuspend(&none) == -1 && errno == EINTR, "sigsuspend");
    check_equal(caught, SIGUSR1, "it ended with no handler run");
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    check_equal(sigismember(&now, SIGUSR1), 1, "the mask afterwards lacks a signal");
    check_equal(sigismember(&now, SIGUSR2), 0, "the mask afterwards has one too many");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
    sigaddset(&none, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    pthread_t thread = start_blocked(suspended, SYS_rt_sigsuspend);
    ready();
    wait_for_go();
    check_equal(caught, 0, "a signal from nowhere");
    kill(getpid(), SIGUSR1); // main has it blocked: it goes to the thread only if that has the temporary mask
    join_thread(thread);
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    check_equal(sigismember(&now, SIGUSR1), 1, "main's mask");
    pass();
}
