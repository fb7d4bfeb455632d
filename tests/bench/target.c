// target BOARD KIND SIZE: a program of one size in one respect, for times over sizes.
//
// It sleeps until told otherwise, so that a measured dump or restore has the machine for itself. While it is
// asked to spin, its first thread reads the clock without end: the largest distance between two readings is
// what a dump that leaves it running costs it, seen from inside.
#include "board.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { kPage = 4096, kLargePage = 2 << 20, kThreadStack = 64 << 10, kSparseStep = 16 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *map(size_t size, int protection)
{
    void *at = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    return at;
}

// No two pages are equal, none is zero.
static void fill(uint64_t *at, size_t size)
{
    uint64_t x = (uint64_t)(uintptr_t)at | 1;
    for (size_t i = 0; i < size / sizeof *at; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at[i] = x;
    }
}

static void pages(size_t mib)
{
    char *at = map(mib << 20, PROT_READ | PROT_WRITE);
    madvise(at, mib << 20, MADV_NOHUGEPAGE);
    fill((uint64_t *)at, mib << 20);
}

static void zeros(size_t mib)
{
    char *at = map(mib << 20, PROT_READ | PROT_WRITE);
    madvise(at, mib << 20, MADV_NOHUGEPAGE);
    memset(at, 0, mib << 20);
}

static void sparse(size_t mib)
{
    char *at = map(mib << 20, PROT_READ | PROT_WRITE);
    madvise(at, mib << 20, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < mib << 20; offset += kSparseStep * kPage)
        fill((uint64_t *)(at + offset), kPage);
}

static void large_pages(size_t mib)
{
    uintptr_t at = (uintptr_t)map((mib << 20) + kLargePage, PROT_READ | PROT_WRITE);
    at = (at + kLargePage - 1) & -(uintptr_t)kLargePage;
    if (madvise((void *)at, mib << 20, MADV_HUGEPAGE))
        die("madvise");
    fill((uint64_t *)at, mib << 20);
}

static void tree(size_t tasks)
{
    for (size_t i = 1; i < tasks; i++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0)
            for (;;)
                pause();
    }
}

static void *sleeper(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void threads(size_t count)
{
    char *stacks = map(count * kThreadStack, PROT_READ | PROT_WRITE);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    for (size_t i = 1; i < count; i++) {
        pthread_t thread;
        pthread_attr_setstack(&attributes, stacks + i * kThreadStack, kThreadStack);
        if (pthread_create(&thread, &attributes, sleeper, NULL))
            die("pthread_create");
    }
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("setrlimit");
}

static void descriptors(size_t count)
{
    raise_descriptors();
    for (size_t i = 3; i < count; i++)
        if (open("/proc/self/exe", O_RDONLY) < 0)
            die("open");
}

static int checked(int fd, const char *what)
{
    if (fd < 0)
        die(what);
    return fd;
}

// In the directory of the board, which is the caller's to remove.
static const char *directory;

static int new_file(size_t i)
{
    char name[512];
    snprintf(name, sizeof name, "%s/file-%zu", directory, i);
    int fd = checked(open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), name);
    if (write(fd, name, sizeof name) != sizeof name)
        die(name);
    return fd;
}

// Every tenth is deleted.
static void files(size_t count)
{
    raise_descriptors();
    for (size_t i = 0; i < count; i++) {
        int fd = new_file(i);
        char name[64], path[512];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        if (i % 10)
            continue;
        ssize_t n = readlink(name, path, sizeof path - 1);
        path[n < 0 ? 0 : n] = 0;
        if (unlink(path))
            die(path);
    }
}

// Of 2,000 eventfds, in several epolls.
static void registrations(size_t count)
{
    enum { kTargets = 2000 };
    int fds[kTargets];
    raise_descriptors();
    for (size_t i = 0; i < kTargets; i++)
        fds[i] = checked(eventfd(0, 0), "eventfd");
    for (size_t i = 0, epoll = 0; i < count; i++) {
        if (i % kTargets == 0)
            epoll = (size_t)checked(epoll_create1(0), "epoll_create");
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        checked(epoll_ctl((int)epoll, EPOLL_CTL_ADD, fds[i % kTargets], &event), "epoll_ctl");
    }
}

static void watches(size_t count)
{
    int group = checked(inotify_init1(IN_NONBLOCK), "inotify_init");
    for (size_t i = 0; i < count; i++) {
        close(new_file(i));
        char name[512];
        snprintf(name, sizeof name, "%s/file-%zu", directory, i);
        checked(inotify_add_watch(group, name, IN_ATTRIB), "inotify_add_watch");
    }
}

// With something unread at both ends.
static void socket_pairs(size_t count)
{
    raise_descriptors();
    for (size_t i = 0; i < count; i++) {
        int ends[2];
        checked(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
        for (int end = 0; end < 2; end++)
            if (write(ends[end], &i, sizeof i) != sizeof i)
                die("write to a socket");
    }
}

// Connections of ours to ourselves, with something unread at both ends.
static void connections(size_t count)
{
    raise_descriptors();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
    checked(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    checked(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
    checked(listen(listener, 16), "listen");
    for (size_t i = 0; i < count; i++) {
        int ends[2] = {checked(socket(AF_INET, SOCK_STREAM, 0), "socket"), -1};
        checked(connect(ends[0], (struct sockaddr *)&address, sizeof address), "connect");
        ends[1] = checked(accept(listener, NULL, NULL), "accept");
        for (int end = 0; end < 2; end++)
            if (write(ends[end], &i, sizeof i) != sizeof i)
                die("write to a socket");
    }
}

// As many of each kind.
static void mixed(size_t count)
{
    raise_descriptors();
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < count; i += 8) {
        int ends[2];
        checked(pipe(ends), "pipe");
        checked(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
        checked(eventfd(1, 0), "eventfd");
        checked(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
        checked(signalfd(-1, &none, 0), "signalfd");
        new_file(i);
    }
}

static void pipes(size_t count)
{
    raise_descriptors();
    for (size_t i = 0; i < count; i++) {
        int ends[2];
        if (pipe(ends))
            die("pipe");
    }
}

// Neighbours differ in protection, so that none become one.
static void areas(size_t count)
{
    char *at = map(count * kPage, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < count; i++) {
        fill((uint64_t *)(at + i * kPage), kPage);
        if (i % 2 && mprotect(at + i * kPage, kPage, PROT_READ))
            die("mprotect");
    }
}

static void nothing(size_t unused) { (void)unused; }

static const struct {
    const char *name;
    void (*set_up)(size_t);
} kKinds[] = {
    {"tiny", nothing},      {"pages", pages},       {"zeros", zeros},     {"sparse", sparse},
    {"large", large_pages}, {"tree", tree},         {"threads", threads}, {"fds", descriptors},
    {"pipes", pipes},       {"vmas", areas},        {"files", files},     {"registrations", registrations},
    {"watches", watches},   {"unix", socket_pairs}, {"mixed", mixed},
    {"tcp", connections},
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void on_signal(int unused) { (void)unused; }

static void spin(struct board *board)
{
    uint64_t last = now_ns();
    while (atomic_load_explicit(&board->spin, memory_order_relaxed)) {
        uint64_t now = now_ns();
        if (now - last > atomic_load_explicit(&board->gap_ns, memory_order_relaxed))
            atomic_store(&board->gap_ns, now - last);
        if (atomic_load_explicit(&board->reset, memory_order_relaxed)) {
            atomic_store(&board->gap_ns, 0);
            atomic_store(&board->reset, 0);
        }
        last = now;
        atomic_fetch_add_explicit(&board->beats, 1, memory_order_relaxed);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int fd = open(argv[1], O_RDWR);
    struct board *board = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || board == MAP_FAILED)
        die(argv[1]);
    close(fd);
    directory = dirname(argv[1]);

    // Only the first thread is woken by the driver's signal, and only while it waits for it.
    sigset_t wake, before;
    sigemptyset(&wake);
    sigaddset(&wake, SIGUSR1);
    sigprocmask(SIG_BLOCK, &wake, &before);
    signal(SIGUSR1, on_signal);

    size_t kind = 0;
    while (kind < sizeof kKinds / sizeof *kKinds && strcmp(kKinds[kind].name, argv[2]) != 0)
        kind++;
    if (kind == sizeof kKinds / sizeof *kKinds)
        return 2;
    kKinds[kind].set_up(strtoul(argv[3], NULL, 10));
    atomic_store(&board->ready, 1);
    for (;;) {
        if (atomic_load(&board->spin))
            spin(board);
        else
            sigsuspend(&before);
    }
}
