// without: files.type
// Pipes whose ends are in different tasks: a ring of five that passes a token round.
#include "workload.h"

enum { kTasks = 5 };

static int ends[kTasks][2], own;

static void pass_on(int rounds)
{
    int token;
    for (int i = 0; i < rounds; ++i) {
        check(read(ends[own][0], &token, sizeof token) == sizeof token, "reading from the task before");
        ++token;
        check(write(ends[(own + 1) % kTasks][1], &token, sizeof token) == sizeof token,
              "writing to the next task");
    }
}

static void child(void)
{
    for (int i = 0; i < kTasks; ++i) {
        if (i != own)
            close(ends[i][0]);
        if (i != (own + 1) % kTasks)
            close(ends[i][1]);
    }
    child_ready();
    pass_on(20);
}

int main(void)
{
    int token = 0;
    pid_t pids[kTasks];
    for (int i = 0; i < kTasks; ++i)
        check(pipe(ends[i]) == 0, "pipe");
    for (own = 1; own < kTasks; ++own) {
        pids[own] = start_child(child);
        wait_blocked(pids[own], SYS_read);
    }
    own = 0;
    ready();
    wait_for_go();
    check(write(ends[1][1], &token, sizeof token) == sizeof token, "write");
    pass_on(19);
    check(read(ends[0][0], &token, sizeof token) == sizeof token, "read");
    check_equal(token, kTasks * 20 - 1, "the token");
    for (int i = 1; i < kTasks; ++i)
        child_passed(pids[i]);
    pass();
}
