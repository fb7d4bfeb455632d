// without: ids.vm_id
// A child that has its memory in common with its parent but is not a thread, and a child of that one which
// has not.
#include "workload.h"

static volatile int in_common, grandchild_saw;
static pid_t copy;

static void sleep_raw(void)
{
    struct timespec time = {0, 1000000};
    syscall(SYS_nanosleep, &time, NULL);
}

static int child(void *unused)
{
    (void)unused;
    copy = syscall(SYS_fork);
    if (copy == 0) {
        in_common = 5; // its own
        wait_for_go();
        syscall(SYS_exit_group, in_common == 5 ? 7 : 1);
    }
    in_common = 1;
    for (int tries = 0; in_common != 2; ++tries) {
        sleep_raw();
        if (tries > 60000)
            syscall(SYS_exit, 1);
    }
    int status = -1;
    if (syscall(SYS_wait4, copy, &status, 0, NULL) != copy)
        syscall(SYS_exit, 2);
    grandchild_saw = status;
    in_common = 3;
    syscall(SYS_exit, 9);
    return 0;
}

int main(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int status = -1;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(page, "kept");
    pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    check(pid > 0, "clone");
    while (in_common != 1)
        sleep_ms(1);
    ready();
    wait_for_go();
    check(syscall(SYS_kcmp, getpid(), pid, 1, 0, 0) == 0, "the memory is not one");
    check(syscall(SYS_kcmp, getpid(), pid, 2, 0, 0) != 0, "the descriptor table is one");
    check(syscall(SYS_kcmp, pid, copy, 1, 0, 0) != 0, "the grandchild's memory is not its own");
    in_common = 2;
    check(waitpid(pid, &status, 0) == pid, "wait");
    check_equal(status, 9 << 8, "how the child ended");
    check_equal(in_common, 3, "what the child wrote");
    check_equal(grandchild_saw, 7 << 8, "how the grandchild ended");
    check(strcmp(page, "kept") == 0, "the contents");
    pass();
}
