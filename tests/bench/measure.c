// measure LIMIT_MS COMMAND...: runs it and prints one line: how it ended (exit code, or 256 + signal, or 999
// when it was ended for its time), microseconds of wall clock, of user and of system time, and KiB of memory
// at the peak. What the command itself prints goes to our standard error.
//
// A program this small is in between because what the kernel counts as the peak of a new process begins with
// the peak of the one that started it, and because starting a process from an interpreter costs more than our
// smallest dump.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double us(struct timeval t) { return (double)t.tv_sec * 1e6 + (double)t.tv_usec; }

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    double begin = now_us();
    pid_t child = vfork();
    if (child == 0) {
        setpgid(0, 0);
        dup2(2, 1);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0)
        return 1;
    int late = 0, status;
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    if (poll(&end, 1, atoi(argv[1])) == 0) {
        late = 1;
        kill(-child, SIGKILL);
    }
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 1;
    double wall = now_us() - begin;
    int code = late ? 999 : WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
    printf("%d %.0f %.0f %.0f %ld\n", code, wall, us(usage.ru_utime), us(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
