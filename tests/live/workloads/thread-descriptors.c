// without: core.ids
// Threads that have left the descriptor table of their process: one alone, two together, one with a lower
// number free.
#include "workload.h"

static volatile int set_up, done;
static pid_t tids[4];
static int shared_pipe[2];

static void *alone(void *unused)
{
    check(unshare(CLONE_FILES) == 0, "unshare");
    tids[0] = gettid();
    close(0);
    check(dup2(shared_pipe[1], 50) == 50 && fcntl(50, F_SETFD, FD_CLOEXEC) == 0, "set-up");
    set_up++;
    wait_for_go();
    check(fcntl(0, F_GETFD) == -1 && fcntl(50, F_GETFD) == FD_CLOEXEC, "the thread's own table");
    check(write(50, "a", 1) == 1, "the pipe");
    while (!done)
        sleep_ms(1);
    return unused;
}

static int partner(void *unused)
{
    (void)unused;
    tids[2] = syscall(SYS_gettid);
    __atomic_fetch_add(&set_up, 1, __ATOMIC_SEQ_CST);
    while (!done) {
        struct timespec time = {0, 1000000};
        syscall(SYS_nanosleep, &time, NULL);
    }
    syscall(SYS_exit, 0);
    return 0;
}

static void *together(void *unused)
{
    static char stack[65536] __attribute__((aligned(16)));
    check(unshare(CLONE_FILES) == 0, "unshare");
    tids[1] = gettid();
    close(shared_pipe[0]);
    check(dup2(shared_pipe[1], 60) == 60, "set-up");
    int flags = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    check(clone(partner, stack + sizeof stack, flags, NULL) > 0, "clone");
    __atomic_fetch_add(&set_up, 1, __ATOMIC_SEQ_CST);
    wait_for_go();
    check(fcntl(shared_pipe[0], F_GETFD) == -1, "what was closed in the table of two");
    check(write(60, "b", 1) == 1, "the pipe");
    while (!done)
        sleep_ms(1);
    return unused;
}

static void *like_the_leader(void *unused)
{
    tids[3] = gettid();
    set_up++;
    while (!done)
        sleep_ms(1);
    return unused;
}

static long compare(pid_t one, pid_t other) { return syscall(SYS_kcmp, one, other, 2, 0, 0); }

int main(void)
{
    char bytes[2];
    need_thread_pidfds();
    check(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0, "set-up");
    check(pipe(shared_pipe) == 0, "pipe");
    pthread_t threads[3];
    threads[0] = start_thread(alone, NULL);
    while (set_up < 1)
        sleep_ms(1);
    threads[1] = start_thread(together, NULL);
    while (set_up < 3)
        sleep_ms(1);
    threads[2] = start_thread(like_the_leader, NULL);
    while (set_up < 4)
        sleep_ms(1);
    ready();
    wait_for_go();
    check(compare(getpid(), tids[3]) == 0, "who has the process's table");
    check(compare(tids[1], tids[2]) == 0, "the two that share one");
    check(compare(getpid(), tids[0]) && compare(getpid(), tids[1]) && compare(tids[0], tids[1]),
          "those apart");
    check(fcntl(0, F_GETFD) >= 0 && fcntl(50, F_GETFD) == -1 && fcntl(60, F_GETFD) == -1,
          "the process's table");
    check(read(shared_pipe[0], bytes, 1) == 1 && read(shared_pipe[0], bytes + 1, 1) == 1, "the pipe");
    check(bytes[0] + bytes[1] == 'a' + 'b', "what the threads wrote");
    done = 1;
    for (int i = 0; i < 3; ++i)
        join_thread(threads[i]);
    pass();
}
