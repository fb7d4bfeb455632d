// without: pstree.pgid, pstree.sid
// Dead children in all sorts of groups and sessions, which stay so until their parents wait for them.
#include "family.h"

enum { kDead = 7 };
static pid_t dead[kDead];
static long groups[kDead], sessions[kDead];
static pid_t group;

static void nothing(void) {}
static void new_group(void) { setpgid(0, 0); }
static void new_session(void) { setsid(); }
static void in_group(void) { check(setpgid(0, group) == 0, "setpgid"); }
static void session_with_child(void) { setsid(), bear(nothing, 0); }
static void session_that_bears_dead(void)
{
    setsid();
    if (fork() == 0)
        _exit(21); // an orphan soon, and dead
    sleep_ms(10);
}
static void leads(void) { new_group(), bear(nothing, 0); }

// A child that ends after `body`, and is not waited for.
static pid_t dies(void (*body)(void), int code)
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(code);
    }
    check(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0, "waitid");
    return pid;
}

int main(void)
{
    int status;
    found_family();
    group = bear(leads, 1); // gone, its group has one member
    dead[0] = dies(in_group, 10);
    dead[1] = dies(new_group, 11);
    dead[2] = dies(new_session, 12);
    dead[3] = dies(session_with_child, 13);
    dead[4] = dies(nothing, 14);
    group = dead[1];
    dead[5] = dies(in_group, 15); // both dead
    dead[6] = dies(session_that_bears_dead, 16);
    for (int i = 0; i < kDead; ++i)
        groups[i] = stat_field(dead[i], 5), sessions[i] = stat_field(dead[i], 6);
    // Not family_through(): that waits for all children.
    ready();
    wait_for_go();
    for (int i = 0; i < kDead; ++i) {
        check_equal(stat_field(dead[i], 5), groups[i], "the group of a dead child");
        check_equal(stat_field(dead[i], 6), sessions[i], "the session of a dead child");
        check(waitpid(dead[i], &status, 0) == dead[i], "wait");
        check_equal(status, (10 + i) << 8, "how it ended");
    }
    for (int i = 0; i < family->count; ++i)
        kill(family->members[i].pid, SIGKILL);
    int orphans = 0;
    while (wait(&status) > 0)
        orphans += status == 21 << 8;
    check_equal(orphans, 1, "the dead orphan");
    pass();
}
