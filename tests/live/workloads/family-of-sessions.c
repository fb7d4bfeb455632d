// without: pstree.sid
// Brothers that lead sessions and such that are in a brother's, led by older and younger ones, terminal-less;
// a leader that is dead while its group is in another branch.
#include "family.h"

static void nothing(void) {}
static void orphan(void) { bear(nothing, 0); }
static void leads(void)
{
    setsid();
    bear(orphan, 1); // goes to the root: a brother in the same session
    bear(nothing, 0);
}
static void leads_late(void)
{
    bear(orphan, 1); // older than the session
    bear(nothing, 0);
    setsid();
    bear(orphan, 1);
    bear(nothing, 0);
}
static void groups_of_session(void)
{
    setpgid(0, 0);
    bear(orphan, 1);
}
static void dies_leading(void)
{
    setsid();
    bear(groups_of_session, 0);
    bear(leads_late, 0);
    bear(orphan, 1);
}

int main(void)
{
    siginfo_t info;
    int status;
    found_family();
    bear(leads, 0);
    bear(leads_late, 0);
    bear(leads, 0);
    pid_t dead = fork();
    if (dead == 0) {
        dies_leading();
        _exit(3);
    }
    check(waitid(P_PID, dead, &info, WEXITED | WNOWAIT) == 0, "waitid");
    bear(leads_late, 1);
    // The dead one stays a zombie.
    sleep_ms(20);
    for (int i = 0; i < family->count; ++i) {
        struct member *m = &family->members[i];
        m->parent = stat_field(m->pid, 4), m->group = stat_field(m->pid, 5),
        m->session = stat_field(m->pid, 6);
    }
    ready();
    wait_for_go();
    check(waitpid(dead, &status, 0) == dead && status == 3 << 8, "the dead leader");
    __atomic_store_n(&family->go, 1, __ATOMIC_SEQ_CST);
    for (int tries = 0; family->left < family->count; ++tries, sleep_ms(2))
        check(tries < 10000, "a member of the family is missing");
    for (int i = 0; i < family->count; ++i)
        kill(family->members[i].pid, SIGKILL);
    while (wait(NULL) > 0) {
    }
    check(!family->failed, "a member of the family came back as another");
    pass();
}
