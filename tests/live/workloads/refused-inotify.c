// refused: inotify
// A descriptor that watches files.
#include "workload.h"
#include <sys/inotify.h>

int main(void)
{
    char buffer[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    check(fd >= 0 && mkdir("watched", 0755) == 0 && inotify_add_watch(fd, "watched", IN_CREATE) >= 0,
          "set-up");
    ready();
    wait_for_go();
    check(mkdir("watched/new", 0755) == 0 && read(fd, buffer, sizeof buffer) > 0,
          "the watch after a refused dump");
    pass();
}
