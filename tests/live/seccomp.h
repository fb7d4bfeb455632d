// Filters of system calls for workloads.
#ifndef LIVE_SECCOMP_H
#define LIVE_SECCOMP_H

#include "workload.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ALLOW_NUMBER(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), ALLOW
// Unless it is that call, on to the instruction after the next.
#define IF_NUMBER(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1)

static inline long install_filter(const struct sock_filter *code, size_t length, unsigned flags)
{
    struct sock_fprog program = {length, (struct sock_filter *)code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

// From now on call `nr` fails with `error`.
static inline void fail_call(long nr, int error, unsigned flags)
{
    struct sock_filter code[] = {LOAD_NUMBER, IF_NUMBER(nr),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error), ALLOW};
    check(install_filter(code, sizeof code / sizeof *code, flags) == 0, "seccomp filter");
}

static inline void no_new_privileges(void)
{
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

// The errno of a call without arguments that filters make fail; 0 when it succeeds.
static inline int error_of(long nr)
{
    errno = 0;
    return syscall(nr) < 0 ? errno : 0;
}

#endif
