// without: core.tc.signals_s, core.tc.task_state
// What is pending while a task is stopped: hundreds of queued signals with values, a blocked stop signal. And
// a SIGCONT that is pending while its task runs, which the next stop signal would take away. None of them
// gets lost by the stops that a checkpoint makes, nor wakes the task.
#include "workload.h"

enum { kQueued = 300 };

static volatile int *progress;

static sigset_t blocked(void)
{
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGTSTP), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGUSR1);
    return set;
}

static void block_all(void)
{
    sigset_t set = blocked();
    sigprocmask(SIG_BLOCK, &set, NULL);
    child_ready();
}

static void take(int signo)
{
    sigset_t set;
    struct timespec now = {0, 0};
    sigemptyset(&set), sigaddset(&set, signo);
    check_equal(sigtimedwait(&set, NULL, &now), signo, "a pending signal");
    check(sigtimedwait(&set, NULL, &now) == -1 && errno == EAGAIN, "a pending signal too many");
}

static void stopped_child(void)
{
    sigset_t queued;
    siginfo_t info;
    struct timespec now = {0, 0};
    sigemptyset(&queued), sigaddset(&queued, SIGRTMIN);
    block_all();
    while (*progress != 1)
        sleep_ms(1);
    *progress = 2;
    // SIGCONT, which ended the stop, has taken the pending stop signal away.
    take(SIGCONT);
    sigset_t pending;
    check(sigpending(&pending) == 0 && !sigismember(&pending, SIGTSTP), "a stop signal outlived SIGCONT");
    for (int i = 0; i < kQueued; ++i) {
        check_equal(sigtimedwait(&queued, &info, &now), SIGRTMIN, "a queued signal");
        check_equal(info.si_value.sival_int, i * 7, "its value");
    }
    check(sigtimedwait(&queued, &info, &now) == -1, "a queued signal too many");
}

static void running_child(void)
{
    block_all();
    wait_for_go();
    take(SIGCONT);
    take(SIGUSR1);
}

static int has_pending(pid_t pid, int signo)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    return proc_value(path, "ShdPnd:", 16) >> (signo - 1) & 1;
}

int main(void)
{
    siginfo_t info;
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t stopped = start_child(stopped_child), running = start_child(running_child);
    for (int i = 0; i < kQueued; ++i)
        check(sigqueue(stopped, SIGRTMIN, (union sigval){.sival_int = i * 7}) == 0, "sigqueue");
    kill(stopped, SIGSTOP);
    check(waitid(P_PID, stopped, &info, WSTOPPED) == 0, "set-up");
    kill(stopped, SIGTSTP);
    kill(running, SIGCONT), kill(running, SIGUSR1);
    check(has_pending(stopped, SIGTSTP) && has_pending(running, SIGCONT), "set-up");
    ready();
    wait_for_go();
    check(has_pending(stopped, SIGTSTP), "the stop signal that was pending in a stopped task");
    *progress = 1;
    sleep_ms(20);
    check_equal(*progress, 1, "a stopped task ran");
    kill(stopped, SIGCONT);
    child_passed(stopped);
    child_passed(running);
    pass();
}
