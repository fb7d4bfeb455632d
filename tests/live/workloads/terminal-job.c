// without: pstree.pgid
// shell-job: yes
// A pipeline as a shell runs it: a job with its own process group in a session that somebody else leads.
#include "workload.h"

static int ends[2];
static pid_t job;

static void writer(void)
{
    close(ends[0]);
    child_ready();
    wait_for_go();
    check_equal(getpgrp(), job, "the process group of the job");
    check(write(ends[1], "through the pipe", 16) == 16, "write");
}

int main(void)
{
    char text[32];
    job = getpgrp();
    check(job == getpid() && getsid(0) != job && pipe(ends) == 0, "set-up");
    pid_t session = getsid(0), pid = start_child(writer);
    close(ends[1]);
    ready();
    wait_for_go();
    check_equal(getsid(0), session, "the session");
    check_equal(read(ends[0], text, sizeof text), 16, "what came through the pipe");
    child_passed(pid);
    pass();
}
