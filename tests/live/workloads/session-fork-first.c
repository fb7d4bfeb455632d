// without: pstree.sid
// A child forked before its parent became a session leader: parent and child are in different sessions.
#include "workload.h"

static pid_t old_session;

static void early(void)
{
    child_ready();
    wait_for_go();
    check_equal(getsid(0), old_session, "the session of the child forked before setsid()");
    check_equal(getpgrp(), old_session, "its process group");
}

static void late(void)
{
    child_ready();
    wait_for_go();
    check_equal(getsid(0), getppid(), "the session of the child forked after setsid()");
}

static void middle(void)
{
    old_session = getsid(0);
    pid_t first = start_child(early);
    setsid();
    pid_t second = start_child(late);
    child_ready();
    wait_for_go();
    check_equal(getsid(0), getpid(), "the session of the leader");
    child_passed(first);
    child_passed(second);
}

int main(void)
{
    pid_t pid = start_child(middle);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
}
