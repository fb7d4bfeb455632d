// What every workload shares: telling the harness that it is set up, waiting for its word, and judging
// itself.
//
// A workload is checkpointed somewhere between ready() and the end of wait_for_go(), so both may use only
// what any checkpoint keeps: a file that appears, looked for between short sleeps. The exit code is the
// verdict: 0 passed, 77 the kernel cannot do this (with the reason on stdout), anything else failed.
#ifndef LIVE_WORKLOAD_H
#define LIVE_WORKLOAD_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Where the harness's word appears. A workload that changes its root sets this to the new name.
static const char *live_go;
static int live_child_pipe = -1;

__attribute__((format(printf, 2, 3), noreturn)) static inline void live_end(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vdprintf(STDOUT_FILENO, format, args);
    va_end(args);
    _exit(code);
}

#define skip(...) live_end(77, __VA_ARGS__)
#define live_where(text) "%s:%d: " text, __FILE__, __LINE__

// `text` says what is wrong when the condition does not hold.
#define check(condition, text)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            live_end(1, live_where("%s [%s, errno %d]\n"), text, #condition, errno);                         \
    } while (0)

#define check_equal(got, wanted, text)                                                                       \
    do {                                                                                                     \
        long long live_got = (long long)(got), live_wanted = (long long)(wanted);                            \
        if (live_got != live_wanted)                                                                         \
            live_end(1, live_where("%s: %s is %lld (%#llx), wanted %lld (%#llx)\n"), text, #got, live_got,   \
                     live_got, live_wanted, live_wanted);                                                    \
    } while (0)

static inline void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static inline long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline const char *live_path(const char *variable)
{
    const char *path = getenv(variable);
    check(path != NULL, "started without the harness: LIVE_READY and LIVE_GO name two files");
    return path;
}

static inline void ready(void)
{
    if (!live_go)
        live_go = live_path("LIVE_GO");
    char name[4096];
    snprintf(name, sizeof name, "%s.new", live_path("LIVE_READY"));
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0 && close(fd) == 0 && rename(name, live_path("LIVE_READY")) == 0, "cannot tell the harness");
}

static inline void wait_for_go(void)
{
    if (!live_go)
        live_go = live_path("LIVE_GO");
    while (access(live_go, F_OK) != 0)
        sleep_ms(2);
}

__attribute__((noreturn)) static inline void pass(void) { live_end(0, "passed\n"); }

// Descriptors of a thread alone, or of a process whose main thread has ended, can be had by pidfds of threads only.
static inline int has_thread_pidfds(void)
{
    int fd = syscall(SYS_pidfd_open, getpid(), O_EXCL); // PIDFD_THREAD, Linux 6.9
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static inline void need_thread_pidfds(void)
{
    if (!has_thread_pidfds())
        skip("the kernel has no pidfds of threads\n");
}

// In a child made by start_child(): what the child had to set up is set up.
static inline void child_ready(void)
{
    check(write(live_child_pipe, "r", 1) == 1 && close(live_child_pipe) == 0, "cannot tell the parent");
    live_child_pipe = -1;
}

// A process outside of the tree that runs `body`; the harness knows it by its name.
static inline void start_outside(void (*body)(void))
{
    pid_t between = fork();
    check(between >= 0, "fork");
    if (between == 0) {
        pid_t outside = fork();
        if (outside == 0) {
            setsid();
            prctl(PR_SET_NAME, "outside");
            alarm(600); // should nobody end it
            body();
            _exit(0);
        }
        _exit(outside < 0);
    }
    int status;
    check(waitpid(between, &status, 0) == between && status == 0, "start a process outside");
}

// A child that runs `body`, which calls child_ready() once; returns then. Nothing of the hand-shake is left.
static inline pid_t start_child(void (*body)(void))
{
    int ends[2];
    char byte;
    check(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        close(ends[0]);
        if (live_child_pipe >= 0)
            close(live_child_pipe);
        live_child_pipe = ends[1];
        body();
        _exit(0);
    }
    close(ends[1]);
    check(read(ends[0], &byte, 1) == 1 && read(ends[0], &byte, 1) == 0, "a child failed while setting up");
    close(ends[0]);
    return pid;
}

static inline void child_passed(pid_t pid)
{
    int status = -1;
    check(waitpid(pid, &status, 0) == pid, "the child is not there to be waited for");
    check_equal(status, 0, "the child failed");
}

static inline pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, body, argument) == 0, "pthread_create");
    return thread;
}

static inline void join_thread(pthread_t thread)
{
    void *result = (void *)1;
    check(pthread_join(thread, &result) == 0, "pthread_join");
    check(result == NULL, "the thread did not end as it should");
}

// Returns when the thread or process `tid` sits in system call `number`.
static inline void wait_blocked(pid_t tid, long number)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/syscall", tid);
    for (int tries = 0; tries < 5000; ++tries, sleep_ms(1)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
            close(fd);
        if (length <= 0 || text[0] == 'r')
            continue;
        text[length] = 0;
        if (atol(text) == number)
            return;
    }
    check(0, "a thread never came to its system call");
}

struct live_blocked {
    void (*body)(void);
    volatile pid_t tid;
};

static inline void *live_run_blocked(void *argument)
{
    struct live_blocked *self = argument;
    self->tid = gettid();
    self->body();
    return NULL;
}

// A thread that runs `body` and has come to system call `number` in it.
static inline pthread_t start_blocked(void (*body)(void), long number)
{
    struct live_blocked *self = calloc(1, sizeof *self);
    self->body = body;
    pthread_t thread = start_thread(live_run_blocked, self);
    while (self->tid == 0)
        sleep_ms(1);
    wait_blocked(self->tid, number);
    return thread;
}

enum { live_page = 4096 };

// A file whose pages are full of 'a', 'b' and so on, one each.
static inline int file_of_letters(const char *name, int pages)
{
    char page[live_page];
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < pages; ++i) {
        memset(page, 'a' + i, sizeof page);
        check(write(fd, page, sizeof page) == live_page, "set-up");
    }
    return fd;
}

// The value of a line of PATH that begins with `key`, in `base`.
static inline unsigned long long proc_value(const char *path, const char *key, int base)
{
    char line[512];
    FILE *file = fopen(path, "re");
    check(file != NULL, path);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) {
            fclose(file);
            return strtoull(line + strlen(key), NULL, base);
        }
    check(0, key);
    return 0;
}

#endif
