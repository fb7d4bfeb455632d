// without: pstree.pgid
// Zombies that lead a session and a group: their members can still be found and signalled through them.
#include "workload.h"

static void member(void)
{
    child_ready();
    for (;;)
        pause();
}

static void leader(void)
{
    setsid();
    start_child(member);
    child_ready();
    _exit(3);
}

int main(void)
{
    int status;
    siginfo_t info;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = start_child(leader);
    check(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
    ready();
    wait_for_go();
    check_equal(getsid(pid), pid, "the zombie's session");
    check_equal(getpgid(pid), pid, "the zombie's process group");
    check(kill(-pid, SIGTERM) == 0, "there is nobody in the zombie's group");
    check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3,
          "the zombie's exit code");
    check(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "the member of its group");
    pass();
}
