// without: core.tc.exit_code, core.tc.task_state, pstree.ppid
// Children that ended and were not waited for keep their exit codes and signals.
#include "workload.h"

static void wait_dead(pid_t pid)
{
    siginfo_t info;
    check(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
}

int main(void)
{
    int status;
    pid_t exited, killed, terminated;
    if ((exited = fork()) == 0)
        _exit(42);
    if ((killed = fork()) == 0)
        for (;;)
            pause();
    if ((terminated = fork()) == 0)
        for (;;)
            pause();
    kill(killed, SIGKILL);
    kill(terminated, SIGTERM);
    wait_dead(exited), wait_dead(killed), wait_dead(terminated);
    ready();
    wait_for_go();
    check(waitpid(killed, &status, WNOHANG) == killed, "the killed child is not a zombie");
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "what killed it");
    check(waitpid(exited, &status, WNOHANG) == exited, "the child that exited is not a zombie");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 42, "its exit code");
    check(waitpid(terminated, &status, WNOHANG) == terminated, "the terminated child is not a zombie");
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "what terminated it");
    check(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "a child too many");
    pass();
}
