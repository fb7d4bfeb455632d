// without: files.reg.name
// differs: */fd/*/target
// Files of single threads: their own below /proc and their pidfds, of the process itself, of its child, of one that is gone.
#include "workload.h"

static int go_on[3][2], told[2];
static pid_t tids[3];

static void *body(void *at)
{
    char byte, name[16];
    pid_t *tid = at;
    snprintf(name, sizeof name, "thread%d", (int)(tid - tids));
    check(prctl(PR_SET_NAME, name) == 0, "set-up");
    __atomic_store_n(tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    check(read(go_on[tid - tids][0], &byte, 1) == 1, "read");
    return NULL;
}

static pthread_t start(pid_t *tid)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, body, tid) == 0, "thread");
    while (!__atomic_load_n(tid, __ATOMIC_ACQUIRE))
        sleep_ms(1);
    return thread;
}

static int open_of(pid_t pid, pid_t tid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, name);
    int fd = open(path, flags | O_CLOEXEC);
    check(fd >= 0, "set-up");
    return fd;
}

static int has_text(int fd, const char *text)
{
    char buffer[64] = "";
    return pread(fd, buffer, sizeof buffer - 1, 0) > 0 && strncmp(buffer, text, strlen(text)) == 0;
}

static void child(void)
{
    start(&tids[2]);
    check(write(told[1], &tids[2], sizeof tids[2]) == sizeof tids[2], "set-up");
    child_ready();
    wait_for_go();
    while (access("end", F_OK) != 0)
        sleep_ms(2);
}

int main(void)
{
    char text[8];
    for (int i = 0; i < 3; i++)
        check(pipe2(go_on[i], O_CLOEXEC) == 0, "set-up");
    check(pipe2(told, O_CLOEXEC) == 0, "set-up");
    pid_t pid = start_child(child), its;
    check(read(told[0], &its, sizeof its) == sizeof its, "set-up");
    start(&tids[0]);
    pthread_t dies = start(&tids[1]);
    int comm = open_of(getpid(), tids[0], "comm", O_RDWR), of_child = open_of(pid, its, "comm", O_RDONLY);
    int directory = open_of(getpid(), tids[0], "fd", O_RDONLY | O_DIRECTORY);
    int gone = open_of(getpid(), tids[1], "stat", O_RDONLY);
    int pidfd = syscall(SYS_pidfd_open, tids[0], O_EXCL | O_NONBLOCK);
    int gone_pidfd = syscall(SYS_pidfd_open, tids[1], O_EXCL), child_pidfd = syscall(SYS_pidfd_open, its, O_EXCL);
    check(write(go_on[1][1], "x", 1) == 1 && pthread_join(dies, NULL) == 0, "set-up");
    while (read(gone, text, 1) != -1) // it is joined a moment before it is gone
        check(lseek(gone, 0, SEEK_SET) == 0, "set-up");
    ready();
    wait_for_go();
    check(has_text(comm, "thread0") && has_text(of_child, "thread2"), "the names of threads");
    check(write(comm, "renamed", 7) == 7 && has_text(comm, "renamed"), "renaming a thread");
    check(faccessat(directory, "0", F_OK, AT_SYMLINK_NOFOLLOW) == 0, "a directory");
    check(read(gone, text, 1) == -1 && errno == ESRCH, "the status of one that is gone");
    if (pidfd >= 0) {
        check(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0, "the pidfd of a thread");
        check(syscall(SYS_pidfd_send_signal, child_pidfd, 0, NULL, 0) == 0, "the pidfd of a child's thread");
        check(syscall(SYS_pidfd_send_signal, gone_pidfd, 0, NULL, 0) == -1 && errno == ESRCH, "one that is gone");
    }
    check(mkdir("end", 0755) == 0, "mkdir");
    child_passed(pid);
    pass();
}
