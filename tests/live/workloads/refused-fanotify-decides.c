// refused: decides about accesses to files, remove these marks
// A fanotify group that permits others to open a file.
#include "workload.h"
#include <sys/fanotify.h>

int main(void)
{
    int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
    if (group < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
        skip("no fanotify with permission events");
    check(close(open("watched", O_RDWR | O_CREAT, 0644)) == 0, "set-up");
    if (fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "watched") != 0)
        skip("no permission events");
    ready();
    wait_for_go();
    pass();
}
