// without: core.tc.cr_leader_exit_code
// Processes whose main thread has ended: two others go on, have a child, descriptors, memory; one has other
// credentials.
#include "workload.h"

static int ends[2];
static pid_t child;
static volatile int others;

static char state_of_leader(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && close(fd) == 0, path);
    return strrchr(line, ')')[2];
}

static void *other(void *unused)
{
    others++;
    wait_for_go();
    check(write(ends[1], "x", 1) == 1, "the pipe");
    while (others)
        sleep_ms(1);
    return unused;
}

static void in_child(void)
{
    child_ready();
    while (access(live_path("LIVE_GO"), F_OK) != 0)
        sleep_ms(2);
    _exit(9);
}

static void *body(void *unused)
{
    char byte, path[128];
    int status;
    while (state_of_leader(getpid()) != 'Z')
        sleep_ms(1);
    check(chdir("/proc") == 0, "chdir");
    child = start_child(in_child);
    pthread_t thread = start_thread(other, NULL);
    while (!others)
        sleep_ms(1);
    ready();
    wait_for_go();
    for (int tries = 0; state_of_leader(getpid()) != 'Z'; ++tries, sleep_ms(1))
        check(tries < 2000, "the main thread did not end again");
    check(read(ends[0], &byte, 1) == 1 && byte == 'x', "the pipe");
    check(getcwd(path, sizeof path) && strcmp(path, "/proc") == 0, "the working directory");
    check(waitpid(child, &status, 0) == child && status == 9 << 8, "the child");
    others = 0;
    join_thread(thread);
    pass();
    return unused;
}

int main(void)
{
    need_thread_pidfds();
    check(pipe(ends) == 0, "pipe");
    start_thread(body, NULL);
    pthread_exit(NULL);
}
