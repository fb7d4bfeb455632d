// without: files.ify.wd.wd, files.ify.wd.mask, files.ify.wd, files.ify.flags
// Watches on a directory (which is the working directory, too), files, one renamed since, one that is a link,
// with gaps between their numbers; each tells what happens to its file, and nothing that the checkpoint did.
#include "workload.h"
#include <sys/inotify.h>

static char buffer[65536] __attribute__((aligned(8)));
static size_t at, length;

static struct inotify_event *next_event(int fd)
{
    if (at == length) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0)
            return NULL;
        at = 0;
        length = n;
    }
    struct inotify_event *event = (void *)(buffer + at);
    at += sizeof *event + event->len;
    return event;
}

static void expect(int fd, int wd, uint32_t mask, const char *name)
{
    struct inotify_event *event = next_event(fd);
    check(event != NULL, "there is no event");
    check_equal(event->wd, wd, "the watch that tells");
    check_equal(event->mask, mask, "what it tells");
    check(strcmp(event->len ? event->name : "", name) == 0, "the name in an event");
}

int main(void)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), quiet = inotify_init1(IN_CLOEXEC);
    check(fd >= 0 && quiet >= 0, "set-up");
    mkdir("watched", 0755);
    for (const char *const *name = (const char *[]){"one", "two", "three", "old", NULL}; *name; ++name)
        check(close(open(*name, O_RDWR | O_CREAT, 0644)) == 0, "set-up");
    check(symlink("one", "link") == 0, "set-up");
    int removed = inotify_add_watch(fd, "one", IN_ALL_EVENTS),
        directory = inotify_add_watch(fd, "watched", IN_ALL_EVENTS);
    int two = inotify_add_watch(fd, "two", IN_ATTRIB | IN_MODIFY | IN_ONESHOT);
    check(inotify_rm_watch(fd, removed) == 0, "set-up");
    for (int i = 0; i < 200; ++i)
        check(inotify_rm_watch(fd, inotify_add_watch(fd, "three", IN_MODIFY)) == 0, "set-up");
    int old = inotify_add_watch(fd, "old", IN_MODIFY | IN_EXCL_UNLINK);
    int link = inotify_add_watch(fd, "link", IN_ATTRIB | IN_DONT_FOLLOW);
    check(removed == 1 && old > 200 && link == old + 1 && rename("old", "new") == 0, "set-up");
    check(inotify_add_watch(quiet, "watched", IN_CREATE) == 1, "set-up");
    check(chdir("watched") == 0, "set-up");
    int file = open("../new", O_WRONLY | O_CLOEXEC), plain = open("../two", O_WRONLY | O_CLOEXEC);
    while (next_event(fd)) {
    }
    ready();
    wait_for_go();
    check(next_event(fd) == NULL && errno == EAGAIN, "there is an event that nobody made");
    check(mkdir("fresh", 0755) == 0, "mkdir");
    expect(fd, directory, IN_CREATE | IN_ISDIR, "fresh");
    check(write(file, "x", 1) == 1, "write");
    expect(fd, old, IN_MODIFY, "");
    check(write(plain, "x", 1) == 1, "write");
    expect(fd, two, IN_MODIFY, "");
    expect(fd, two, IN_IGNORED, ""); // it was for once
    check(fchownat(AT_FDCWD, "../link", 1, 1, AT_SYMLINK_NOFOLLOW) == 0, "fchownat");
    expect(fd, link, IN_ATTRIB, "");
    check(rename("../new", "../newer") == 0 && inotify_rm_watch(fd, old) == 0, "the watch's number");
    expect(fd, old, IN_IGNORED, "");
    check(next_event(fd) == NULL && errno == EAGAIN, "a last event");
    at = length = 0;
    expect(quiet, 1, IN_CREATE | IN_ISDIR, "fresh");
    pass();
}
