// refused: has not read all events, let it read them
// A fanotify group with an event that was not read.
#include "workload.h"
#include <sys/fanotify.h>

int main(void)
{
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
    if (group < 0 && (errno == ENOSYS || errno == EPERM))
        skip("no fanotify");
    int fd = open("watched", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "watched") == 0 && write(fd, "x", 1) == 1, "set-up");
    ready();
    wait_for_go();
    struct fanotify_event_metadata event;
    check(read(group, &event, sizeof event) == sizeof event && event.mask == FAN_MODIFY, "the event");
    pass();
}
