// without: core.tc.signals_s.signals
// Queued real-time signals: all of them, in order, with their values.
#include "workload.h"

enum { kSignals = 30 };

int main(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&set);
    for (int i = 0; i < 3; ++i)
        sigaddset(&set, SIGRTMIN + i);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < kSignals; ++i)
        check(sigqueue(getpid(), SIGRTMIN + 2 - i % 3, (union sigval){.sival_int = i}) == 0, "sigqueue");
    ready();
    wait_for_go();
    for (int kind = 0; kind < 3; ++kind)
        for (int i = 2 - kind; i < kSignals; i += 3) {
            check_equal(sigtimedwait(&set, &info, &now), SIGRTMIN + kind, "the next signal");
            check_equal(info.si_value.sival_int, i, "its value");
        }
    check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN, "a signal too many");
    pass();
}
