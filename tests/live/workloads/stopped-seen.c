// without: core.tc.cr_stop_seen
// A stop that the parent was told of already is not told again, neither by wait(2) nor by SIGCHLD; of one
// process with one thread, and of one with two.
#include "workload.h"

static volatile int told;

static void on_child(int signal)
{
    (void)signal;
    told++;
}

static void *nothing(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void child(void)
{
    child_ready();
    for (;;)
        pause();
}

static void child_of_two(void)
{
    start_thread(nothing, NULL);
    child();
}

int main(void)
{
    siginfo_t info;
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    check(sigaction(SIGCHLD, &action, NULL) == 0, "sigaction");
    pid_t pids[2] = {start_child(child), start_child(child_of_two)};
    for (int i = 0; i < 2; ++i) {
        kill(pids[i], SIGSTOP);
        check(waitid(P_PID, pids[i], &info, WSTOPPED) == 0 && info.si_status == SIGSTOP, "set-up");
    }
    check(told > 0, "no SIGCHLD");
    told = 0;
    ready();
    wait_for_go();
    check_equal(told, 0, "SIGCHLD came again");
    for (int i = 0; i < 2; ++i) {
        info.si_pid = 0;
        check(waitid(P_PID, pids[i], &info, WSTOPPED | WNOHANG) == 0, "waitid");
        check_equal(info.si_pid, 0, "the stop is told again");
        kill(pids[i], SIGCONT);
        check(waitid(P_PID, pids[i], &info, WCONTINUED) == 0 && info.si_code == CLD_CONTINUED, "it goes on");
        kill(pids[i], SIGKILL);
        check(waitid(P_PID, pids[i], &info, WEXITED) == 0, "its end");
    }
    pass();
}
