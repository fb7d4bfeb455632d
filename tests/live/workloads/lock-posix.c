// without: filelocks, filelocks.pid, filelocks.start, filelocks.type
// dump-options: --file-locks
// POSIX locks: ranges of a file, to the end, for reading by several processes, and one that a child waits
// for.
#include "workload.h"

static int file;

static int set(int command, short type, off_t start, off_t length)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(file, command, &lock);
}

// Who keeps us from it; 0: nobody.
static pid_t holder(short type, off_t start, off_t length)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    check(fcntl(file, F_GETLK, &lock) == 0, "F_GETLK");
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static void child(void)
{
    check(set(F_SETLK, F_RDLCK, 100, 10) == 0, "set-up");
    child_ready();
    wait_for_go();
    check_equal(holder(F_WRLCK, 0, 10), getppid(), "the holder of the first range");
    check_equal(holder(F_RDLCK, 1000, 10), getppid(), "the holder of the last range");
    check_equal(holder(F_WRLCK, 50, 1), 0, "the holder of what nobody locked");
    check_equal(holder(F_RDLCK, 100, 10), 0, "who keeps others from reading");
    check_equal(holder(F_WRLCK, 100, 10), getppid(), "who else reads");
    while (access("seen", F_OK) != 0)
        sleep_ms(2);
}

static void waiter(void)
{
    child_ready();
    check(set(F_SETLKW, F_WRLCK, 0, 5) == 0, "waiting for a lock");
    check(access(live_path("LIVE_GO"), F_OK) == 0, "a lock was given too early");
}

int main(void)
{
    file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(file >= 0 && set(F_SETLK, F_WRLCK, 0, 10) == 0 && set(F_SETLK, F_WRLCK, 900, 0) == 0, "set-up");
    check(set(F_SETLK, F_RDLCK, 100, 20) == 0 && dup(file) >= 0, "set-up");
    pid_t other = start_child(child), waiting = start_child(waiter);
    sleep_ms(20);
    ready();
    wait_for_go();
    check_equal(holder(F_WRLCK, 100, 10), other, "the holder of the child's range");
    check(mkdir("seen", 0755) == 0, "mkdir");
    child_passed(other);
    check(set(F_SETLK, F_UNLCK, 0, 10) == 0, "giving a lock back");
    child_passed(waiting);
    pass();
}
