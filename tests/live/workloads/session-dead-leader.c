// without: pstree.sid, pstree.pgid
// A session and a process group whose leaders have ended and were waited for; one lives on in each.
#include "workload.h"

static pid_t session, group;

static void in_dead_session(void)
{
    child_ready();
    wait_for_go();
    check_equal(getsid(0), session, "the session of a dead leader");
    check_equal(getpgrp(), session, "the process group of a dead leader");
}

static void session_leader(void)
{
    session = setsid();
    start_child(in_dead_session);
    child_ready();
}

static void group_leader(void)
{
    setpgid(0, 0);
    child_ready();
    pause();
}

static void in_dead_group(void)
{
    setpgid(0, group);
    child_ready();
    wait_for_go();
    check_equal(getpgrp(), group, "the process group of a dead leader");
    check_equal(getsid(0), getppid(), "its session");
}

int main(void)
{
    int status;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t leader = start_child(session_leader);
    check(waitpid(leader, NULL, 0) == leader, "waitpid");
    group = start_child(group_leader);
    pid_t member = start_child(in_dead_group);
    kill(group, SIGKILL);
    check(waitpid(group, NULL, 0) == group, "waitpid");
    ready();
    wait_for_go();
    child_passed(member);
    check(wait(&status) > 0, "the orphan of the dead session did not come to its reaper");
    check_equal(status, 0, "the orphan of the dead session failed");
    pass();
}
