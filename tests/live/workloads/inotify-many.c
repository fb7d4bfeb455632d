// without: files.ify.wd
// Two thousand watches, by two instances that are shared and told apart by their numbers.
#include "workload.h"
#include <sys/inotify.h>

enum { kCount = 1000 };

int main(void)
{
    char name[32];
    int fds[2] = {inotify_init1(IN_CLOEXEC | IN_NONBLOCK), inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    check(fds[0] >= 0 && fds[1] >= 0 && dup2(fds[0], 100) == 100, "set-up");
    for (int i = 0; i < kCount; ++i) {
        snprintf(name, sizeof name, "file%d", i);
        check(mkdir(name, 0755) == 0 && inotify_add_watch(fds[0], name, IN_ATTRIB) == i + 1, "set-up");
    }
    for (int i = 0; i < kCount; ++i) {
        snprintf(name, sizeof name, "file%d", kCount - 1 - i);
        check(inotify_add_watch(fds[1], name, IN_ATTRIB) == i + 1, "set-up");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < kCount; i += 99) {
        struct inotify_event event;
        snprintf(name, sizeof name, "file%d", i);
        check(chmod(name, 0700) == 0, "chmod");
        check(read(100, &event, sizeof event) == sizeof event, "read");
        check_equal(event.wd, i + 1, "the watch of the first instance");
        check(read(fds[1], &event, sizeof event) == sizeof event, "read");
        check_equal(event.wd, kCount - i, "the watch of the second instance");
    }
    pass();
}
