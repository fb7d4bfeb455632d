// The torture target: threads that are in every state a thread can be in, each checking over and over that
// nothing was done to it. Whoever stops, inspects, runs code in, or kills a tool that does so, must not be
// noticed.
//   torture BOARD [--handle-all] [--busy] [WORKER]
// Without WORKER all of them run, a thread each; with it, that one alone in a process of one thread.
// --handle-all: a handler for every signal, each of which is a failure: nobody sent one.
// --busy: no pauses.
#include "torture.h"

#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

board *g_board;
bool g_busy;
int g_quiet[2];
static std::atomic<bool> g_failed;

void fail(const char *format, ...)
{
    if (!g_failed.exchange(true)) {
        va_list args;
        va_start(args, format);
        vsnprintf(g_board->failure, sizeof g_board->failure, format, args);
        va_end(args);
    }
    __atomic_fetch_add(&g_board->failures, 1, __ATOMIC_RELAXED);
}

void interrupted() { __atomic_fetch_add(&g_board->interrupted, 1, __ATOMIC_RELAXED); }

uint64_t now()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

void pause_us(long us)
{
    if (g_busy)
        return;
    timespec t{0, us * 1000};
    if (int e = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr))
        fail("a pause ended with %s", strerror(e));
}

long futex(uint32_t *word, int op, uint32_t value, const timespec *timeout)
{
    return syscall(SYS_futex, word, op, value, timeout, nullptr, 0);
}

namespace
{

struct Worker {
    const char *name;
    void (*round)();
};
const Worker kWorkers[] = {
    {"avx", avx_round},
    {"x87", x87_round},
    {"flags", flags_round},
    {"registers", registers_round},
    {"rseq", rseq_round},
    {"nanosleep", nanosleep_round},
    {"abs_sleep", abs_sleep_round},
    {"futex", futex_timeout_round},
    {"poll", poll_round},
    {"select", select_round},
    {"epoll", epoll_round},
    {"sigtimedwait", sigtimedwait_round},
    {"ping", ping_round},
    {"pong", pong_round},
    {"writer", writer_round},
    {"reader", reader_round},
    {"suspend", suspend_round},
    {"eintr", eintr_round},
    {"restart", restart_round},
    {"mask", mask_round},
};

void *work(void *index)
{
    auto i = reinterpret_cast<uintptr_t>(index);
    for (;;) {
        kWorkers[i].round();
        __atomic_fetch_add(&g_board->beats[i], 1, __ATOMIC_RELAXED);
    }
}

void unwanted(int signal, siginfo_t *info, void *)
{
    fail("signal %d came from pid %d", signal, info->si_pid);
}

void handle_everything()
{
    for (int signal = 1; signal <= 64; signal++) {
        struct sigaction action {
        };
        action.sa_sigaction = unwanted;
        action.sa_flags = SA_RESTART | SA_SIGINFO;
        sigaction(signal, &action, nullptr); // fails for SIGKILL, SIGSTOP and the C library's own
    }
}

void make_board(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(board))) {
        perror(path);
        exit(2);
    }
    g_board = static_cast<board *>(mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    g_board->pid = static_cast<uint64_t>(getpid());
}

} // namespace

int main(int argc, char **argv)
{
    const char *alone = nullptr;
    bool all = false;
    if (argc < 2)
        return 2;
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--busy"))
            g_busy = true;
        else if (!strcmp(argv[i], "--handle-all"))
            all = true;
        else
            alone = argv[i];
    }
    make_board(argv[1]);
    make_pipes();
    if (all)
        handle_everything();
    block(SIG_BLOCK, SIGALRM); // in all threads; one sleeps for it in sigsuspend
    constexpr size_t kCount = sizeof kWorkers / sizeof *kWorkers;
    for (size_t i = 0; i < kCount; i++)
        if (alone && !strcmp(alone, kWorkers[i].name)) {
            g_board->workers = 1;
            strcpy(g_board->names[i], kWorkers[i].name);
            g_board->magic = BOARD_MAGIC;
            work(reinterpret_cast<void *>(i));
        }
    if (alone)
        return 2;
    g_board->workers = kCount;
    for (size_t i = 0; i < kCount; i++) {
        strcpy(g_board->names[i], kWorkers[i].name);
        pthread_t thread;
        if (pthread_create(&thread, nullptr, work, reinterpret_cast<void *>(i)))
            return 2;
    }
    g_board->magic = BOARD_MAGIC;
    for (;;)
        pause_us(100000);
}
