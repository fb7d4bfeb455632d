// without: fs.cwd_id
// differs: */fd/*/target
// Working directories below /proc/PID: one's own, of another process, of threads.
#include "workload.h"

static pid_t parent;

// The process whose directory the current one is; -1 when it is none.
static int pid_here(const char *status)
{
    char text[256];
    int fd = open(status, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? atoi(text) : -1;
}

static void go_to(const char *name, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    check(chdir(path) == 0, "set-up");
}

static void child(void)
{
    go_to("", parent);
    check_equal(pid_here("stat"), parent, "set-up: the parent's directory");
    child_ready();
    wait_for_go();
    check_equal(pid_here("stat"), parent, "the parent's directory");
}

static void inner(void)
{
    go_to("task", getpid());
    child_ready();
    wait_for_go();
    char own[64];
    snprintf(own, sizeof own, "%d/stat", getpid());
    check_equal(pid_here(own), getpid(), "the directory of threads");
}

int main(void)
{
    parent = getpid();
    pid_t first = start_child(child), second = start_child(inner);
    check(chdir("/proc/self") == 0, "set-up");
    ready();
    wait_for_go();
    check_equal(pid_here("stat"), getpid(), "one's own directory");
    check_equal(pid_here("self/stat"), -1, "the place of it");
    child_passed(first);
    child_passed(second);
    pass();
}
