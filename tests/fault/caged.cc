// A target whose threads are killed for any system call but the one or two that each of them makes: filters
// that differ, over one that all have. Two hand a byte to each other through pipes, one sleeps until points
// in time, one polls. Shows itself on a board (board.h) like torture.
#include "board.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

board *g_board;
int g_there[2], g_back[2], g_never[2];
std::atomic<int> g_caged;
constexpr size_t kWorkers = 4;

void fail(const char *what)
{
    if (__atomic_fetch_add(&g_board->failures, 1, __ATOMIC_SEQ_CST) == 0)
        std::snprintf(g_board->failure, sizeof g_board->failure, "%s: errno %d", what, errno);
}

void install(const std::vector<long> &allowed, unsigned flags)
{
    std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (long nr : allowed) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(nr), 0, 1));
        code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, allowed.empty() ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS));
    sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0)
        fail("seccomp");
}

// From here on nothing may be called but what is allowed: no allocation, no lock.
template <class Work> void work(size_t number, const char *name, std::vector<long> allowed, Work one)
{
    std::strncpy(g_board->names[number], name, sizeof g_board->names[number] - 1);
    while (g_caged < 0)
        usleep(1000);
    install(allowed, 0);
    g_caged++;
    for (;;) {
        one();
        __atomic_add_fetch(&g_board->beats[number], 1, __ATOMIC_SEQ_CST);
    }
}

void hand_over(int from, int to)
{
    char byte = 0;
    if (read(from, &byte, 1) != 1 || byte != 'x' || write(to, &byte, 1) != 1)
        fail("a byte through a pipe");
}

void sleep_until()
{
    timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at); // of the vDSO: no system call
    at.tv_nsec += 2000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    if (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0)
        fail("sleep");
}

void poll_for_nothing()
{
    pollfd nothing{g_never[0], POLLIN, 0};
    timespec limit{0, 3000000};
    if (syscall(SYS_ppoll, &nothing, 1, &limit, nullptr, 8) != 0)
        fail("ppoll");
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(board)) != 0 || pipe(g_there) || pipe(g_back) || pipe(g_never))
        return 1;
    g_board = static_cast<board *>(mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (g_board == MAP_FAILED || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return 1;
    g_caged = -1;
    std::thread(work<void (*)()>, 1, "pong", std::vector<long>{SYS_read, SYS_write}, [] {
        hand_over(g_there[0], g_back[1]);
    }).detach();
    std::thread(work<void (*)()>, 2, "sleep", std::vector<long>{SYS_clock_nanosleep}, sleep_until).detach();
    std::thread(work<void (*)()>, 3, "poll", std::vector<long>{SYS_ppoll}, poll_for_nothing).detach();
    install({}, SECCOMP_FILTER_FLAG_TSYNC);
    if (write(g_back[1], "x", 1) != 1)
        return 1;
    g_board->pid = static_cast<uint64_t>(getpid());
    g_board->workers = kWorkers;
    g_caged = 0;
    while (g_caged < 3)
        usleep(1000);
    g_board->magic = BOARD_MAGIC;
    // Its turn takes a moment, so that the two do not keep a processor busy.
    work<void (*)()>(0, "ping", {SYS_read, SYS_write, SYS_clock_nanosleep}, [] {
        sleep_until();
        hand_over(g_back[0], g_there[1]);
    });
}
