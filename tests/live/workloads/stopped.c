// without: core.tc.task_state, core.tc.stop_signo
// Stopped children stay stopped, by the signal that stopped them, until they are continued.
#include "workload.h"

static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN};
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
    pid_t pids[3];
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3; ++i) {
        progress = &shared[i];
        pids[i] = start_child(child);
        setpgid(pids[i], i == 0 ? 0 : pids[0]);  // a group with a parent outside is no orphan: SIGTSTP stops it
        kill(pids[i], stops[i]);
        check(waitpid(pids[i], &status, WUNTRACED) == pids[i] && WIFSTOPPED(status), "set-up");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check_equal(state_of(pids[i]), 'T', "the state of a stopped task");
        int before = shared[i];
        sleep_ms(5);
        check_equal(shared[i], before, "a stopped task ran");
        kill(pids[i], SIGCONT);
        check(waitpid(pids[i], &status, WCONTINUED) == pids[i] && WIFCONTINUED(status), "it was not continued");
        for (int tries = 0; shared[i] == before; ++tries, sleep_ms(1))
            check(tries < 2000, "a continued task does not run");
        kill(pids[i], SIGKILL);
        check(waitpid(pids[i], &status, 0) == pids[i] && WIFSIGNALED(status), "its end");
    }
    pass();
}
