// without: core.tc.cr_exit_signal
// A process of several threads with a child that tells its end by another signal, and a brother in that one's
// session.
#include "workload.h"

static volatile int there, done;

static void *other(void *unused)
{
    __atomic_add_fetch(&there, 1, __ATOMIC_SEQ_CST);
    while (!done)
        sleep_ms(1);
    return unused;
}

static pid_t clone_with(unsigned long flags) { return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0); }

static void live(void)
{
    wait_for_go();
    _exit(4);
}

int main(void)
{
    int status, ends[2];
    pid_t brother;
    pthread_t threads[2];
    sigset_t set;
    check(pipe(ends) == 0, "pipe");
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t silent = clone_with(0);
    if (silent == 0)
        live();
    pid_t leader = clone_with(SIGUSR1);
    if (leader == 0) {
        setsid();
        brother = clone_with(CLONE_PARENT);
        if (brother == 0)
            live();
        check(write(ends[1], &brother, sizeof brother) == sizeof brother, "pipe");
        live();
    }
    check(read(ends[0], &brother, sizeof brother) == sizeof brother, "the brother");
    for (int i = 0; i < 2; ++i)
        threads[i] = start_thread(other, NULL);
    while (there != 2)
        sleep_ms(1);
    ready();
    wait_for_go();
    const pid_t all[] = {silent, leader, brother};
    for (int i = 0; i < 3; ++i) {
        check(waitpid(all[i], &status, 0) == -1 && errno == ECHILD,
              "one that is waited for without __WCLONE");
        check(waitpid(all[i], &status, __WALL) == all[i] && status == 4 << 8, "how it ended");
    }
    check(sigpending(&set) == 0 && sigismember(&set, SIGUSR1), "the signal that told of it");
    done = 1;
    join_thread(threads[0]), join_thread(threads[1]);
    pass();
}
