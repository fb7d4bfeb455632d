// without: core.tc.signals_s
// SIGCHLD is pending if and only if it was: restored zombies must not bring a new one.
#include "workload.h"

static pid_t ended_child(int code)
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(code);
    check(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
    return pid;
}

static void seen(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&set), sigaddset(&set, SIGCHLD);
    pid_t zombie = ended_child(1);
    check_equal(sigtimedwait(&set, &info, &now), SIGCHLD, "set-up");
    child_ready();
    wait_for_go();
    check(sigtimedwait(&set, &info, &now) == -1 && errno == EAGAIN, "a SIGCHLD that was never sent");
    check_equal(waitpid(zombie, NULL, WNOHANG), zombie, "the zombie");
}

int main(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&set), sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t child = start_child(seen), zombie = ended_child(2);
    ready();
    wait_for_go();
    check_equal(sigtimedwait(&set, &info, &now), SIGCHLD, "the pending signal");
    check_equal(info.si_code, CLD_EXITED, "its code");
    check_equal(info.si_pid, zombie, "whose end it tells");
    check_equal(info.si_status, 2, "the exit code it tells");
    child_passed(child);
    pass();
}
