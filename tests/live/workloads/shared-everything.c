// without: ids.sighand_id
// Processes that have all in common that processes can, one of them with a thread of its own; a dead child in
// one.
#include "workload.h"

static volatile int set_up, go, seen;
static pid_t children[3], dead;

static void on_signal(int number) { seen += number; }

static void sleep_raw(void)
{
    struct timespec time = {0, 1000000};
    syscall(SYS_nanosleep, &time, NULL);
}

static int thread(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    while (!go)
        sleep_raw();
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_exit, 0);
    return 0;
}

static char stacks[4][65536] __attribute__((aligned(16)));

static int child(void *number)
{
    long n = (long)number;
    if (n == 0) {
        int flags = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
        if (clone(thread, stacks[3] + sizeof stacks[3], flags, NULL) < 0)
            syscall(SYS_exit_group, 3);
    }
    if (n == 1) {
        dead = (pid_t)syscall(SYS_fork);
        if (dead == 0)
            syscall(SYS_exit_group, 6);
        siginfo_t info;
        syscall(SYS_waitid, P_PID, dead, &info, WEXITED | WNOWAIT, NULL);
    }
    __atomic_add_fetch(&set_up, 1, __ATOMIC_SEQ_CST);
    while (!go)
        sleep_raw();
    while (n == 0 && set_up != 5)
        sleep_raw();
    if (n == 1) {
        int status = 0;
        if (syscall(SYS_wait4, dead, &status, 0, NULL) != dead || status != 6 << 8)
            syscall(SYS_exit_group, 4);
    }
    if (n == 2) {
        struct sigaction action = {.sa_handler = on_signal};
        if (sigaction(SIGUSR2, &action, NULL) != 0 || chdir("/") != 0 || dup2(0, 77) != 77)
            syscall(SYS_exit_group, 5);
    }
    syscall(SYS_exit_group, 0);
    return 0;
}

int main(void)
{
    int status;
    char path[64];
    check(chdir("/proc") == 0, "chdir");
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, SIG_IGN);
    // Ignored: children that end are gone at once, but for those that ended before.
    int flags = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | SIGCHLD;
    for (long i = 0; i < 3; ++i) {
        children[i] = clone(child, stacks[i] + sizeof stacks[i], flags, (void *)i);
        check(children[i] > 0, "clone");
    }
    while (set_up != 4)
        sleep_ms(1);
    signal(SIGCHLD, SIG_IGN);
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i)
        for (int kind = 1; kind <= 4; ++kind)
            check(syscall(SYS_kcmp, getpid(), children[i], kind, 0, 0) == 0, "something is not shared");
    signal(SIGCHLD, SIG_DFL);
    go = 1;
    for (int i = 0; i < 3; ++i) {
        check(waitpid(children[i], &status, 0) == children[i], "wait");
        check_equal(status, 0, "a child failed");
    }
    check_equal(set_up, 5, "the thread of a child");
    raise(SIGUSR1), raise(SIGUSR2);
    check_equal(seen, SIGUSR1 + SIGUSR2, "the handlers");
    check(getcwd(path, sizeof path) && strcmp(path, "/") == 0, "the directory that a child went to");
    check(fcntl(77, F_GETFD) >= 0, "the descriptor that a child made");
    pass();
}
