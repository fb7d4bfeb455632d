// A process whose main thread has ended, and of whose other threads one is under a filter: nothing is called
// in it.
#include "../seccomp.h"

static volatile int there, stopped;

static void *other(void *unused)
{
    there = 1;
    while (!stopped)
        sleep_ms(1);
    return unused;
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
    pthread_t thread = start_thread(other, NULL);
    while (!there)
        sleep_ms(1);
    no_new_privileges();
    fail_call(SYS_getuid, 41, 0);
    ready();
    wait_for_go();
    check_equal(error_of(SYS_getuid), 41, "the filter");
    stopped = 1;
    join_thread(thread);
    pass();
    return unused;
}

int main(void)
{
    need_thread_pidfds();
    start_thread(body, NULL);
    pthread_exit(NULL);
}
