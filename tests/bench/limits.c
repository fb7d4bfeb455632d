// limits WHAT SIZE DIRECTORY: milliseconds that this machine needs, at this moment, for the bare work that a
// dump or a restore of that size cannot do without, done in the fastest way known and with nothing around it.
//
//   copy, write, copy-write    MiB of a process's memory into a buffer; a buffer into a file; both (two
//   threads each) copy-large, copy-write-large   the same out of large pages fill, fill-large           MiB
//   out of a mapped file into fresh memory of another process (two threads) fork, clone processes, threads
//   stop-tree, stop-threads    seize, interrupt, wait for and read the registers of processes, of threads
//   fdinfo, open, pipe         one look per descriptor; opening them
//   smaps, map                 one look at so many areas; making and touching them
#include <fcntl.h>
#include <linux/elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kPage = 4096, kLargePage = 2 << 20, kChunk = 1 << 20, kThreads = 2, kStack = 64 << 10 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static char *map(size_t size, int advice)
{
    char *at = mmap(NULL, size + kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    at = (char *)(((uintptr_t)at + kLargePage - 1) & -(uintptr_t)kLargePage);
    madvise(at, size, advice);
    return at;
}

static int file_in(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        die(directory);
    return fd;
}

// A child that does nothing; it ends with us.
static pid_t sleeper(void)
{
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

// --- memory: every second chunk is one thread's
// --------------------------------------------------------------

struct part {
    pthread_t thread;
    int index, copies, writes, file;
    pid_t other;
    char *theirs;       // in the other process
    const char *mapped; // to be put there, if this is a filling
    size_t size;
};

static void *work(void *argument)
{
    struct part *part = argument;
    char *buffer = map(kChunk, MADV_HUGEPAGE);
    memset(buffer, 1, kChunk);
    for (size_t at = (size_t)part->index * kChunk; at < part->size; at += kThreads * kChunk) {
        struct iovec theirs = {part->theirs + at, kChunk}, ours = {buffer, kChunk};
        if (part->mapped) {
            ours.iov_base = (char *)part->mapped + at;
            if (process_vm_writev(part->other, &ours, 1, &theirs, 1, 0) != kChunk)
                die("process_vm_writev");
        }
        if (part->copies && process_vm_readv(part->other, &ours, 1, &theirs, 1, 0) != kChunk)
            die("process_vm_readv");
        if (part->writes && pwrite(part->file, buffer, kChunk, (off_t)at) != kChunk)
            die("pwrite");
    }
    return NULL;
}

static double run_parts(struct part like)
{
    struct part parts[kThreads];
    double begin = now_ms();
    for (int i = 0; i < kThreads; i++) {
        parts[i] = like;
        parts[i].index = i;
        if (pthread_create(&parts[i].thread, NULL, work, &parts[i]))
            die("pthread_create");
    }
    for (int i = 0; i < kThreads; i++)
        pthread_join(parts[i].thread, NULL);
    return now_ms() - begin;
}

static double copy(size_t mib, const char *directory, int copies, int writes, int advice)
{
    struct part part = {.copies = copies, .writes = writes, .size = mib << 20};
    part.theirs = map(part.size, advice);
    memset(part.theirs, 1, part.size);
    // Its memory, so that it alone has it: the child's pages would be ours as well.
    part.other = getpid();
    part.file = file_in(directory);
    return run_parts(part);
}

static double refill(size_t mib, const char *directory, int advice)
{
    struct part part = {.size = mib << 20};
    part.file = file_in(directory);
    if (ftruncate(part.file, (off_t)part.size))
        die("ftruncate");
    char *mapped = mmap(NULL, part.size, PROT_READ | PROT_WRITE, MAP_SHARED, part.file, 0);
    if (mapped == MAP_FAILED)
        die("mmap");
    memset(mapped, 1, part.size);
    part.mapped = mapped;
    part.theirs = map(part.size, advice);
    part.other = sleeper();
    double took = run_parts(part);
    kill(part.other, SIGKILL);
    return took;
}

// --- tasks
// ---------------------------------------------------------------------------------------------------

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void make_threads(size_t count)
{
    char *stacks = map(count * kStack, MADV_NOHUGEPAGE);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    for (size_t i = 0; i < count; i++) {
        pthread_t thread;
        pthread_attr_setstack(&attributes, stacks + i * kStack, kStack);
        if (pthread_create(&thread, &attributes, wait_for_ever, NULL))
            die("pthread_create");
    }
}

static double stop(const pid_t *tasks, size_t count)
{
    struct user_regs_struct registers;
    struct iovec to = {&registers, sizeof registers};
    double begin = now_ms();
    for (size_t i = 0; i < count; i++)
        if (ptrace(PTRACE_SEIZE, tasks[i], 0, 0) || ptrace(PTRACE_INTERRUPT, tasks[i], 0, 0))
            die("ptrace");
    for (size_t i = 0; i < count; i++)
        if (waitpid(tasks[i], NULL, __WALL) != tasks[i] ||
            ptrace(PTRACE_GETREGSET, tasks[i], NT_PRSTATUS, &to))
            die("wait");
    return now_ms() - begin;
}

static double fork_tasks(size_t count, int then_stop)
{
    pid_t *tasks = calloc(count, sizeof *tasks);
    double begin = now_ms();
    for (size_t i = 0; i < count; i++)
        tasks[i] = sleeper();
    double took = now_ms() - begin;
    if (then_stop) {
        usleep(50000); // they get to where they sleep
        took = stop(tasks, count);
    }
    for (size_t i = 0; i < count; i++)
        kill(tasks[i], SIGKILL);
    return took;
}

// The threads are a child's, numbered upwards from its own pid as far as nobody else starts a process.
static double stop_threads(size_t count)
{
    int ready[2];
    char byte = 0, path[64];
    if (pipe(ready))
        die("pipe");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        make_threads(count - 1);
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        wait_for_ever(NULL);
    }
    if (read(ready[0], &byte, 1) != 1)
        die("read");
    usleep(50000);
    pid_t *tasks = calloc(count, sizeof *tasks);
    size_t found = 0;
    for (pid_t tid = child; found < count && tid < child + 20 * (pid_t)count; tid++) {
        snprintf(path, sizeof path, "/proc/%d/task/%d", child, tid);
        if (access(path, F_OK) == 0)
            tasks[found++] = tid;
    }
    double took = stop(tasks, found) * (double)count / (double)found;
    kill(child, SIGKILL);
    return took;
}

static double clone_threads(size_t count)
{
    double begin = now_ms();
    make_threads(count);
    return now_ms() - begin;
}

// --- descriptors
// ---------------------------------------------------------------------------------------------

static double open_files(size_t count)
{
    double begin = now_ms();
    for (size_t i = 0; i < count; i++)
        if (open("/proc/self/exe", O_RDONLY) < 0)
            die("open");
    return now_ms() - begin;
}

static double open_pipes(size_t count)
{
    double begin = now_ms();
    int ends[2];
    for (size_t i = 0; i < count; i++)
        if (pipe(ends))
            die("pipe");
    return now_ms() - begin;
}

static double look_at_files(size_t count)
{
    int first = open("/dev/null", O_RDONLY) + 1;
    open_files(count);
    char path[64], text[512];
    double begin = now_ms();
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/proc/self/fdinfo/%zu", (size_t)first + i);
        int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, text, sizeof text) < 0)
            die(path);
        close(fd);
    }
    return now_ms() - begin;
}

// --- areas
// ---------------------------------------------------------------------------------------------------

static double make_areas(size_t count)
{
    char *at = mmap(NULL, count * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    double begin = now_ms();
    for (size_t i = 0; i < count; i++) {
        char *page =
            mmap(at + i * kPage, kPage, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (page == MAP_FAILED)
            die("mmap");
        *page = 1;
    }
    return now_ms() - begin;
}

static double look_at_areas(size_t count)
{
    static char text[1 << 20];
    make_areas(count);
    double begin = now_ms();
    int fd = open("/proc/self/smaps", O_RDONLY);
    while (read(fd, text, sizeof text) > 0)
        continue;
    return now_ms() - begin;
}

static double measure(const char *what, size_t size, const char *directory)
{
    if (strcmp(what, "copy") == 0)
        return copy(size, directory, 1, 0, MADV_NOHUGEPAGE);
    if (strcmp(what, "copy-large") == 0)
        return copy(size, directory, 1, 0, MADV_HUGEPAGE);
    if (strcmp(what, "write") == 0)
        return copy(size, directory, 0, 1, MADV_HUGEPAGE);
    if (strcmp(what, "copy-write") == 0)
        return copy(size, directory, 1, 1, MADV_NOHUGEPAGE);
    if (strcmp(what, "copy-write-large") == 0)
        return copy(size, directory, 1, 1, MADV_HUGEPAGE);
    if (strcmp(what, "fill") == 0)
        return refill(size, directory, MADV_NOHUGEPAGE);
    if (strcmp(what, "fill-large") == 0)
        return refill(size, directory, MADV_HUGEPAGE);
    if (strcmp(what, "fork") == 0)
        return fork_tasks(size, 0);
    if (strcmp(what, "stop-tree") == 0)
        return fork_tasks(size, 1);
    if (strcmp(what, "clone") == 0)
        return clone_threads(size);
    if (strcmp(what, "stop-threads") == 0)
        return stop_threads(size);
    if (strcmp(what, "fdinfo") == 0)
        return look_at_files(size);
    if (strcmp(what, "open") == 0)
        return open_files(size);
    if (strcmp(what, "pipe") == 0)
        return open_pipes(size);
    if (strcmp(what, "smaps") == 0)
        return look_at_areas(size);
    if (strcmp(what, "map") == 0)
        return make_areas(size);
    fprintf(stderr, "limits: nothing is called %s\n", what);
    exit(2);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    if (argc != 4)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    printf("%.3f\n", measure(argv[1], strtoul(argv[2], NULL, 10), argv[3]));
    return 0;
}
