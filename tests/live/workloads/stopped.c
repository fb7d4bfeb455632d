// without: core.tc.task_state, core.tc.stop_signo
// Stopped children stay stopped, by the signal that stopped them, until they are continued.
#include "workload.h"

static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTOU, SIGTTIN};
static volatile int *progress;

static void child(void)
{
    child_ready();
    for (;;) {
        ++*progress;
        sleep_ms(1);
    }
}

static char state_of(pid_t pid)
{
    char path[64], line[256] = "", *end;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && close(fd) == 0, path);
    end = strrchr(line, ')');
    return end[2];
}

int main(void)
{
    int status;
    siginfo_t info;
    pid_t pids[4];
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; ++i) {
        progress = &shared[i];
        pids[i] = start_child(child);
        setpgid(pids[i],
                i == 0 ? 0 : pids[0]); // a group with a parent outside is no orphan: SIGTSTP stops it
        kill(pids[i], stops[i]);
        // The last one's parent has not been told yet: that is still to come.
        check(waitid(P_PID, pids[i], &info, WSTOPPED | (i == 3 ? WNOWAIT : 0)) == 0 &&
                  info.si_status == stops[i],
              "set-up");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 4; ++i) {
        check_equal(state_of(pids[i]), 'T', "the state of a stopped task");
        pid_t told = waitpid(pids[i], &status, WUNTRACED | WNOHANG);
        check_equal(told, i == 3 ? pids[i] : 0, "the parent is told that a task has stopped");
        check(!told || WSTOPSIG(status) == stops[i], "the signal that stopped a task");
        int before = shared[i];
        sleep_ms(5);
        check_equal(shared[i], before, "a stopped task ran");
        kill(pids[i], SIGCONT);
        check(waitpid(pids[i], &status, WCONTINUED) == pids[i] && WIFCONTINUED(status),
              "it was not continued");
        for (int tries = 0; shared[i] == before; ++tries, sleep_ms(1))
            check(tries < 2000, "a continued task does not run");
        kill(pids[i], SIGKILL);
        check(waitpid(pids[i], &status, 0) == pids[i] && WIFSIGNALED(status), "its end");
    }
    pass();
}
