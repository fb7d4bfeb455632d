// without: filelocks.flag, filelocks.pid
// dump-options: -l
// differs: */lock
// Locks that others wait for, of each kind, and locks whose holders are not those who took them: a flock that only a child
// has by now, one through a copy of a descriptor, one of a description that three processes have.
#include "workload.h"
#include <sys/file.h>

static int waited[3], inherited, copied, common; // descriptors

static struct flock range(short type, off_t start, off_t length)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static int open_file(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0, "set-up");
    return fd;
}

// Another description of the same file.
static int again(const char *name) { return open_file(name); }

static int wait_for(int kind)
{
    struct flock lock = range(F_WRLCK, 5, 10);
    int fd = again("waited");
    return kind == 0 ? flock(fd, LOCK_EX) : fcntl(fd, kind == 1 ? F_OFD_SETLKW : F_SETLKW, &lock);
}

static int kind_to_wait_for;

static void waiter(void)
{
    child_ready();
    check(wait_for(kind_to_wait_for) == 0, "waiting for a lock");
    check(access(live_path("LIVE_GO"), F_OK) == 0, "a lock was given too early");
    check(access("given", F_OK) == 0, "a lock was given before it was given back");
}

static void holder(void)
{
    child_ready();
    wait_for_go();
    while (access("given", F_OK) != 0)
        sleep_ms(2);
    check(flock(inherited, LOCK_UN) == 0, "giving back what the parent took");
}

int main(void)
{
    struct flock first = range(F_WRLCK, 0, 10), second = range(F_RDLCK, 100, 0);
    inherited = open_file("inherited");
    common = open_file("common");
    copied = open_file("copied");
    check(flock(inherited, LOCK_EX) == 0 && flock(common, LOCK_SH) == 0, "set-up");
    int copy = dup(copied);
    check(flock(copy, LOCK_EX) == 0 && close(copied) == 0, "set-up");
    pid_t holders[2] = {start_child(holder), start_child(holder)};
    check(close(inherited) == 0, "set-up");
    for (int i = 0; i < 3; i++)
        waited[i] = open_file("waited");
    check(flock(waited[0], LOCK_EX) == 0 && fcntl(waited[1], F_OFD_SETLK, &first) == 0, "set-up");
    check(fcntl(waited[1], F_OFD_SETLK, &second) == 0, "set-up");
    pid_t waiters[2];
    for (kind_to_wait_for = 0; kind_to_wait_for < 2; kind_to_wait_for++)
        waiters[kind_to_wait_for] = start_child(waiter);
    sleep_ms(20);
    ready();
    wait_for_go();
    check(flock(again("inherited"), LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "what only children have is free");
    check(flock(again("copied"), LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "what a copy has is free");
    check(flock(again("common"), LOCK_EX | LOCK_NB) == -1 && flock(again("common"), LOCK_SH | LOCK_NB) == 0,
          "what is shared");
    struct flock other = range(F_RDLCK, 1000, 1);
    check(fcntl(again("waited"), F_OFD_SETLK, &other) == 0, "a lock for reading");
    other.l_type = F_WRLCK;
    check(fcntl(again("waited"), F_OFD_SETLK, &other) == -1, "a lock for reading keeps nobody from writing");
    check(mkdir("given", 0755) == 0, "mkdir");
    first.l_type = F_UNLCK;
    check(flock(waited[0], LOCK_UN) == 0 && fcntl(waited[1], F_OFD_SETLK, &first) == 0, "giving back");
    for (int i = 0; i < 2; i++)
        child_passed(waiters[i]);
    for (int i = 0; i < 2; i++)
        child_passed(holders[i]);
    check(flock(again("inherited"), LOCK_EX | LOCK_NB) == 0, "what was given back is not free");
    pass();
}
