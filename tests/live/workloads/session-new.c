// without: pstree.sid, pstree.pgid, pstree.pid
// Children in sessions and process groups of their own, and one in its brother's group.
#include "workload.h"

static pid_t brother;

static void check_ids(pid_t group, pid_t session)
{
    child_ready();
    wait_for_go();
    check_equal(getpgrp(), group, "the process group");
    check_equal(getsid(0), session, "the session");
}

static void session_leader(void)
{
    setsid();
    check_ids(getpid(), getpid());
}

static void group_leader(void)
{
    setpgid(0, 0);
    check_ids(getpid(), getppid());
}

static void follower(void)
{
    setpgid(0, brother);
    check_ids(brother, getppid());
}

int main(void)
{
    pid_t leader = start_child(session_leader);
    brother = start_child(group_leader);
    pid_t member = start_child(follower);
    ready();
    wait_for_go();
    check_equal(getsid(0), getpid(), "the root's session");
    child_passed(leader);
    child_passed(member);
    child_passed(brother);
    pass();
}
