// A child whose main thread has ended is not to be waited for before the others have: its status is then that
// of the main thread or, on newer kernels, of who ended last.
#include "workload.h"

static volatile int *go;

static void *body(void *unused)
{
    prctl(PR_SET_NAME, "lives-on");
    child_ready();
    while (!*go)
        sleep_ms(1);
    syscall(SYS_exit, 3);
    return unused;
}

static void child(void)
{
    prctl(PR_SET_NAME, "ended");
    start_thread(body, NULL);
    syscall(SYS_exit, 5);
}

int main(void)
{
    int status;
    char path[64], line[512];
    need_thread_pidfds();
    go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = start_child(child);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int i = 0; i < 2; ++i) {
        for (line[0] = 0; !strstr(line, "(ended) Z"); sleep_ms(1)) {
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            ssize_t length = read(fd, line, sizeof line - 1);
            check(fd >= 0 && length > 0 && close(fd) == 0, path);
            line[length] = 0;
        }
        if (i == 0)
            ready(), wait_for_go();
    }
    check(kill(pid, 0) == 0 && waitpid(pid, &status, WNOHANG) == 0, "the process is gone");
    *go = 1;
    check(waitpid(pid, &status, 0) == pid, "wait");
    check(status == 5 << 8 || status == 3 << 8, "its status");
    pass();
}
