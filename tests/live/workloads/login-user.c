// without: core.tc.loginuid
// The login user that audit knows, of a process and its child.
#include "workload.h"

static void set(const char *uid)
{
    int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, uid, strlen(uid)) < 0)
        skip("the login user cannot be set");
    close(fd);
}

static void is(const char *uid)
{
    char text[32] = "";
    int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    check(read(fd, text, sizeof text - 1) > 0, "read");
    close(fd);
    check(strcmp(text, uid) == 0, text);
}

static void child(void)
{
    set("54321");
    child_ready();
    wait_for_go();
    is("54321");
    pass();
}

int main(void)
{
    set("12345");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    is("12345");
    child_passed(pid);
    pass();
}
