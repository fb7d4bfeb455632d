// without: core.thread_core.seccomp_mode
// differs: */syscall, */fd/*/bytes
// A thread whose filter kills for anything but read, write, nanosleep and exit sleeps on and on; no call is
// made in it for the checkpoint. Not even the kernel's own restart of its sleep would pass the filter.
#include "../seccomp.h"

static int to_main[2];

static void child(void)
{
    struct sock_filter code[] = {LOAD_NUMBER,
                                 ALLOW_NUMBER(SYS_read),
                                 ALLOW_NUMBER(SYS_write),
                                 ALLOW_NUMBER(SYS_nanosleep),
                                 ALLOW_NUMBER(SYS_exit_group),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    no_new_privileges();
    child_ready();
    check(install_filter(code, sizeof code / sizeof *code, 0) == 0, "seccomp filter");
    for (int i = 0;; i++) {
        struct timespec time = {0, 200000000};
        long slept, number = SYS_nanosleep;
        __asm__ volatile("syscall" : "=a"(slept) : "a"(number), "D"(&time), "S"(0) : "rcx", "r11", "memory");
        if (write(to_main[1], slept == 0 ? "." : "!", 1) != 1)
            _exit(0);
    }
}

int main(void)
{
    check(pipe(to_main) == 0, "pipe");
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = start_child(child);
    close(to_main[1]);
    wait_blocked(pid, SYS_nanosleep);
    ready();
    wait_for_go();
    char bytes[4096];
    for (int rounds = 0; rounds < 2; rounds++) {
        ssize_t n = read(to_main[0], bytes, sizeof bytes);
        check(n > 0, "the child is dead");
        check(memchr(bytes, '!', (size_t)n) == NULL, "the child's sleep was interrupted");
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    check_equal(proc_value(path, "Seccomp:", 10), 2, "the filter is not there any more");
    check_equal(kill(pid, SIGKILL), 0, "kill");
    int status;
    check(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL, "the child's end");
    pass();
}
