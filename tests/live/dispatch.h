// For workloads that have their system calls sent to a handler of their own.
#ifndef LIVE_DISPATCH_H
#define LIVE_DISPATCH_H

#include "workload.h"
#include <sys/ptrace.h>

enum { kOn = 1, kSetDispatch = 59, kPass = 0, kBlock = 1 };

// Whether the kernel tells others of it: since Linux 6.4.
static inline int tells_of_dispatch(void)
{
    unsigned long config[4];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "a traced child");
    long r = ptrace(0x4211, pid, sizeof config, config); // PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return r == 0;
}

#endif
