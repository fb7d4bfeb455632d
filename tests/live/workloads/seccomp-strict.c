// without: core.thread_core.seccomp_mode
// modes: plain, running, thrice, rounds, pipeline
// Strict mode lets a thread read, write and exit, and nothing else; it lives through a checkpoint in a read.
#include "workload.h"

#include <linux/seccomp.h>

static int from_main[2], to_main[2];

static void child(void)
{
    char byte;
    close(from_main[1]);
    child_ready();
    check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0, "strict mode");
    write(to_main[1], "s", 1);
    for (;;) {
        if (read(from_main[0], &byte, 1) != 1)
            break;
        if (byte == 'k')
            syscall(SYS_getpid); // kills
        write(to_main[1], &byte, 1);
    }
    syscall(SYS_exit, 3);
}

static void answers(char with)
{
    char byte = 0;
    check(write(from_main[1], &with, 1) == 1 && read(to_main[0], &byte, 1) == 1, "the child does not answer");
    check_equal(byte, with, "the child's answer");
}

int main(void)
{
    char byte;
    int status;
    check(pipe(from_main) == 0 && pipe(to_main) == 0, "pipe");
    pid_t pid = start_child(child);
    check(read(to_main[0], &byte, 1) == 1, "the child is not there");
    close(to_main[1]);
    answers('a');
    wait_blocked(pid, SYS_read);
    ready();
    wait_for_go();
    answers('b');
    check(write(from_main[1], "k", 1) == 1 && close(from_main[1]) == 0, "write");
    check(waitpid(pid, &status, 0) == pid, "waitpid");
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "strict mode is not in force any more");
    pass();
}
