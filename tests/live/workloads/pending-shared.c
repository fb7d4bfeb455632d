// without: core.tc.signals_s
// Signals pending for the whole process, with what their senders said.
#include "workload.h"

int main(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    check(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x1234567812345678}) == 0,
          "sigqueue");
    check(kill(getpid(), SIGUSR2) == 0, "kill");
    ready();
    wait_for_go();
    check_equal(sigtimedwait(&set, &info, &now), SIGUSR1, "the first pending signal");
    check_equal(info.si_code, SI_QUEUE, "its code");
    check_equal((long)info.si_value.sival_ptr, 0x1234567812345678, "its value");
    check_equal(info.si_pid, getpid(), "its sender");
    check_equal(sigtimedwait(&set, &info, &now), SIGUSR2, "the second pending signal");
    check_equal(info.si_code, SI_USER, "its code");
    check_equal(info.si_pid, getpid(), "its sender");
    check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN, "a pending signal too many");
    pass();
}
