// refused: wants a signal when its parent ends
// A child that wants a signal when its parent ends, of whose threads the main one has ended before it asked
// for that.
#include "workload.h"

static void child(void)
{
    check(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
    child_ready();
    wait_for_go();
}

static void *body(void *unused)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    do {
        sleep_ms(1);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        check(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && close(fd) == 0, path);
    } while (strrchr(line, ')')[2] != 'Z');
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);
    pass();
    return unused;
}

int main(void)
{
    need_thread_pidfds();
    start_thread(body, NULL);
    pthread_exit(NULL);
}
