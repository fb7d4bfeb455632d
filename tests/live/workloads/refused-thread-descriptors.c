// refused: those of a thread
// Where the kernel has no pidfds of threads nobody gets at the descriptors of a process whose main thread has ended.
#include "workload.h"

static void *body(void *unused)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    do {
        sleep_ms(1);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        check(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && close(fd) == 0, path);
    } while (strrchr(line, ')')[2] != 'Z');
    ready();
    wait_for_go();
    pass();
    return unused;
}

int main(void)
{
    if (has_thread_pidfds())
        skip("the kernel has pidfds of threads\n");
    start_thread(body, NULL);
    pthread_exit(NULL);
}
