// A workload whose child executes the one called OTHER, which lies beside it and judges itself.
#include "workload.h"

int main(void)
{
    char path[4096], file[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    check(n > 0, "/proc/self/exe");
    path[n] = 0;
    snprintf(strrchr(path, '/'), 64, "/%s", OTHER);
    snprintf(file, sizeof file, "%s.child", live_path("LIVE_READY"));
    pid_t child = fork();
    if (child == 0) {
        setenv("LIVE_READY", file, 1);
        execl(path, path, NULL);
        _exit(errno == ENOEXEC ? 4 : 3);
    }
    int status;
    while (access(file, F_OK) != 0) {
        if (waitpid(child, &status, WNOHANG) == child) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
                skip("the kernel does not run such programs");
            check(0, "the child ended");
        }
        sleep_ms(2);
    }
    ready();
    wait_for_go();
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
    pass();
}
