// without: files.reg.fown.signum, files.pipe.fown.pid, files.pipe.fown.pid_type
// Who gets a signal about a descriptor, and which: F_SETOWN and F_SETSIG, for a process, a group and a
// thread.
#include "workload.h"

static volatile pid_t tid;
static volatile int checked;

static void *thread(void *unused)
{
    (void)unused;
    tid = gettid();
    while (!checked)
        sleep_ms(1);
    return NULL;
}

int main(void)
{
    int ends[3][2];
    sigset_t set;
    siginfo_t info;
    struct timespec limit = {2, 0};
    struct f_owner_ex owner;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_t other = start_thread(thread, NULL);
    while (tid == 0)
        sleep_ms(1);
    struct f_owner_ex owners[3] = {{F_OWNER_PID, getpid()}, {F_OWNER_PGRP, getpgrp()}, {F_OWNER_TID, tid}};
    int file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fcntl(file, F_SETSIG, SIGUSR2) == 0, "F_SETSIG");
    for (int i = 0; i < 3; ++i) {
        check(pipe(ends[i]) == 0 && fcntl(ends[i][0], F_SETOWN_EX, &owners[i]) == 0, "F_SETOWN_EX");
        check(fcntl(ends[i][0], F_SETSIG, i == 1 ? 0 : SIGUSR1) == 0, "F_SETSIG");
        check(fcntl(ends[i][0], F_SETFL, i == 0 ? O_ASYNC | O_NONBLOCK : 0) == 0, "F_SETFL");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check(fcntl(ends[i][0], F_GETOWN_EX, &owner) == 0, "F_GETOWN_EX");
        check_equal(owner.type, owners[i].type, "the kind of owner");
        check_equal(owner.pid, owners[i].pid, "the owner");
        check_equal(fcntl(ends[i][0], F_GETSIG), i == 1 ? 0 : SIGUSR1, "the signal");
    }
    check_equal(fcntl(file, F_GETSIG), SIGUSR2, "the signal of a regular file");
    check(fcntl(file, F_GETOWN_EX, &owner) == 0 && owner.pid == 0, "a file that has no owner got one");
    check(write(ends[0][1], "x", 1) == 1, "write");
    check_equal(sigtimedwait(&set, &info, &limit), SIGUSR1, "the signal that there is something to read");
    check_equal(info.si_fd, ends[0][0], "the descriptor that it tells");
    checked = 1;
    join_thread(other);
    pass();
}
