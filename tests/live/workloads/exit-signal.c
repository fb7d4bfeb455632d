// Children whose end is told by another signal than SIGCHLD, or by none: that is chosen when they are cloned.
#include "workload.h"

static pid_t clone_with(int exit_signal)
{
    pid_t pid = syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
    if (pid == 0) {
        wait_for_go();
        _exit(4);
    }
    return pid;
}

int main(void)
{
    int status;
    sigset_t set;
    siginfo_t info;
    struct timespec limit = {2, 0}, now = {0, 0};
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t silent = clone_with(0), other = clone_with(SIGUSR1);
    ready();
    wait_for_go();
    check_equal(sigtimedwait(&set, &info, &limit), SIGUSR1, "the signal that a child has ended");
    check_equal(info.si_pid, other, "whose end it tells");
    check(waitpid(silent, &status, 0) == -1 && errno == ECHILD,
          "a clone without SIGCHLD is waited for without __WCLONE");
    check_equal(waitpid(silent, &status, __WALL), silent, "waiting for the silent child");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 4, "how it ended");
    check_equal(waitpid(other, &status, __WALL), other, "waiting for the other child");
    check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN, "a signal too many");
    pass();
}
