// without: files.ffy.mark.mask, files.ffy.mark.mflags, files.ffy.mark, files.ffy.faflags
// differs: */fd/*/fdinfo
// A fanotify group with marks on a directory, a file that was renamed since, one without a name, a mount and a file
// system; each tells what happens to its files, and what was ignored still is. (Numbers of mounts and inodes are in
// its fdinfo.)
#include "workload.h"
#include <sys/fanotify.h>
#include <sys/mount.h>

static char buffer[65536] __attribute__((aligned(8)));

// The events that wait on `fd` for files whose link ends with `name`.
static uint64_t events_of(int fd, const char *name)
{
    uint64_t events = 0;
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        for (struct fanotify_event_metadata *event = (void *)buffer; FAN_EVENT_OK(event, n);
             event = FAN_EVENT_NEXT(event, n)) {
            char path[64], target[4096] = "";
            snprintf(path, sizeof path, "/proc/self/fd/%d", event->fd);
            check(readlink(path, target, sizeof target - 1) > 0, "an event without a file");
            size_t end = strlen(name), length = strlen(target);
            if (length >= end && strcmp(target + length - end, name) == 0)
                events |= event->mask;
            close(event->fd);
        }
    return events;
}

static void touch(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT, 0644);
    check(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0, name);
}

int main(void)
{
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE);
    if (group < 0 && (errno == ENOSYS || errno == EPERM))
        skip("no fanotify");
    int ids = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY);
    mkdir("watched", 0755);
    mkdir("mounted", 0755);
    mkdir("system", 0755);
    if (mount("none", "mounted", "tmpfs", 0, "") != 0 || mount("none", "system", "tmpfs", 0, "") != 0)
        skip("nothing can be mounted");
    touch("old");
    touch("gone");
    touch("ignored");
    int gone = open("gone", O_RDWR | O_CLOEXEC);
    check(fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY | FAN_EVENT_ON_CHILD, AT_FDCWD, "watched") == 0, "directory");
    check(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "old") == 0, "file");
    check(fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "gone") == 0, "file without a name");
    check(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_MODIFY, AT_FDCWD, "mounted") == 0, "mount");
    check(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY, AT_FDCWD, "system") == 0, "file system");
    touch("mounted/ignored");
    check(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_MODIFY, AT_FDCWD,
                        "mounted/ignored") == 0, "ignored");
    if (ids >= 0)
        check(fanotify_mark(ids, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, "watched") == 0, "a group of ids");
    check(rename("old", "new") == 0 && unlink("gone") == 0, "set-up");
    events_of(group, "");
    ready();
    wait_for_go();
    check_equal(fcntl(group, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "O_NONBLOCK");
    check_equal(events_of(group, ""), 0, "what nobody but the checkpoint has done");
    check(ids < 0 || (read(ids, buffer, sizeof buffer) == -1 && errno == EAGAIN), "the same of the group of ids");
    touch("watched/file");
    check_equal(events_of(group, "/watched/file"), FAN_MODIFY, "in the directory");
    touch("new");
    check_equal(events_of(group, "/new"), FAN_CLOSE_WRITE, "the renamed file");
    check(write(gone, "x", 1) == 1, "write");
    check_equal(events_of(group, "/gone (deleted)"), FAN_MODIFY, "the file without a name");
    touch("mounted/file");
    check_equal(events_of(group, "/mounted/file"), FAN_OPEN | FAN_MODIFY, "below the mount");
    touch("mounted/ignored");
    check_equal(events_of(group, "/mounted/ignored"), FAN_OPEN, "what is ignored");
    touch("mounted/ignored");
    check_equal(events_of(group, "/mounted/ignored"), FAN_OPEN, "what is ignored, though it changed");
    touch("system/file");
    check_equal(events_of(group, "/system/file"), FAN_MODIFY, "on the file system");
    if (ids >= 0) {
        check(read(ids, buffer, sizeof buffer) > 0, "the event of the file in the directory");
        check(mkdir("watched/fresh", 0755) == 0, "mkdir");
        check(read(ids, buffer, sizeof buffer) > 0, "no event of ids");
        struct fanotify_event_metadata *event = (void *)buffer;
        check(event->fd == FAN_NOFD && event->mask == (FAN_CREATE | FAN_ONDIR), "the event of ids");
    }
    check(umount2("mounted", MNT_DETACH) == 0 && umount2("system", MNT_DETACH) == 0, "umount");
    pass();
}
