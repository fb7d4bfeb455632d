// For workloads of odd families: every member notes what it is, and looks once more when all came back.
#ifndef LIVE_FAMILY_H
#define LIVE_FAMILY_H

#include "workload.h"

struct member {
    pid_t pid, parent, group, session;
};
enum { kMembers = 64 };
struct family {
    int count, left, failed, go;
    struct member members[kMembers];
};
static struct family *family;

static inline void found_family(void)
{
    family = mmap(NULL, sizeof *family, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(family != MAP_FAILED, "mmap");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

// A member for good: its parent is the one that it will have when those who end have ended.
static inline int join_family(void)
{
    int i = __atomic_fetch_add(&family->count, 1, __ATOMIC_SEQ_CST);
    family->members[i].pid = getpid();
    return i;
}

// Waits for the checkpoint; ends when all is still so.
__attribute__((noreturn)) static inline void live_on(void)
{
    int i = join_family();
    while (!__atomic_load_n(&family->go, __ATOMIC_SEQ_CST))
        sleep_ms(2);
    const struct member *m = &family->members[i];
    if (getpid() != m->pid || getppid() != m->parent || getpgrp() != m->group || getsid(0) != m->session) {
        dprintf(1, "pid %d: parent %d, group %d, session %d; wanted pid %d, %d, %d, %d\n", getpid(),
                getppid(), getpgrp(), getsid(0), m->pid, m->parent, m->group, m->session);
        __atomic_store_n(&family->failed, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&family->left, 1, __ATOMIC_SEQ_CST);
    while (1)
        pause();
}

// The child runs `body` and then lives on or, with `ends`, ends; returns when it has run it or ended.
static inline pid_t bear(void (*body)(void), int ends)
{
    int before = family->count;
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        if (body)
            body();
        if (ends)
            _exit(0);
        live_on();
    }
    if (ends) {
        check(waitpid(pid, NULL, 0) == pid, "wait");
    } else {
        for (int known = 0; !known; sleep_ms(1))
            for (int i = before; i < family->count && !known; ++i)
                known = family->members[i].pid == pid;
    }
    return pid;
}

static inline long stat_field(pid_t pid, int number)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0, path);
    char *at = strrchr(text, ')') + 1;
    for (int i = 3; i < number; ++i)
        at = strchr(at + 1, ' ');
    return at[1] > '9' ? at[1] : atol(at + 1); // the third is a letter
}

// The root: all have been born. Returns after the checkpoint, when all have looked; ends them.
static inline void family_through(void)
{
    sleep_ms(20); // for the last of them to begin to wait
    for (int i = 0; i < family->count; ++i) {
        struct member *m = &family->members[i];
        m->parent = stat_field(m->pid, 4), m->group = stat_field(m->pid, 5),
        m->session = stat_field(m->pid, 6);
    }
    ready();
    wait_for_go();
    __atomic_store_n(&family->go, 1, __ATOMIC_SEQ_CST);
    for (int tries = 0; family->left < family->count; ++tries, sleep_ms(2))
        check(tries < 10000, "a member of the family is missing");
    for (int i = 0; i < family->count; ++i)
        kill(family->members[i].pid, SIGKILL);
    while (wait(NULL) > 0) {
    }
    check(!family->failed, "a member of the family came back as another");
}

#endif
