// without: files.sgfd.sigmask
// Signals read through a descriptor: which ones it is for, and one that waits.
#include "workload.h"
#include <sys/signalfd.h>

int main(void)
{
    sigset_t set, first;
    struct signalfd_siginfo info;
    sigemptyset(&set), sigemptyset(&first);
    sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGRTMIN + 4),
        sigaddset(&first, SIGUSR1);
    sigaddset(&first, SIGRTMIN + 4);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int one = signalfd(-1, &first, SFD_NONBLOCK | SFD_CLOEXEC), all = signalfd(-1, &set, SFD_NONBLOCK);
    check(one >= 0 && all >= 0, "signalfd");
    check(sigqueue(getpid(), SIGRTMIN + 4, (union sigval){.sival_int = 99}) == 0, "sigqueue");
    ready();
    wait_for_go();
    kill(getpid(), SIGUSR2);
    check_equal(read(one, &info, sizeof info), sizeof info, "the signal that waits");
    check_equal(info.ssi_signo, SIGRTMIN + 4, "its number");
    check_equal(info.ssi_int, 99, "its value");
    check(read(one, &info, sizeof info) == -1 && errno == EAGAIN, "a signal that the descriptor is not for");
    check(read(all, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR2,
          "the descriptor for all");
    pass();
}
