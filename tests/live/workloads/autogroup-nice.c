// without: core.tc.cr_autogroup_nice
// The nice value of a session's autogroup, and that of a child's session.
#include "workload.h"

static void set(const char *nice)
{
    int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, nice, strlen(nice)) < 0)
        skip("no autogroups");
    close(fd);
}

static void is(const char *nice)
{
    char text[64] = "";
    int fd = open("/proc/self/autogroup", O_RDONLY | O_CLOEXEC);
    check(read(fd, text, sizeof text - 1) > 0, "read");
    close(fd);
    check(strstr(text, nice) != NULL, text);
}

static void child(void)
{
    check(setsid() > 0, "setsid");
    set("-3");
    child_ready();
    wait_for_go();
    is(" nice -3\n");
    pass();
}

int main(void)
{
    set("7");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    is(" nice 7\n");
    child_passed(pid);
    pass();
}
