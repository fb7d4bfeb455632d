// The torture target: threads that are in every state a thread can be in, each checking over and over that
// nothing was done to it. Whoever stops, inspects, runs code in, or kills a tool that does so, must not be
// noticed.
//   torture BOARD [--handle-all] [--busy] [WORKER]
// Without WORKER all of them run, a thread each; with it, that one alone in a process of one thread.
// --handle-all: a handler for every signal, each of which is a failure: nobody sent one.
// --busy: no pauses.
#include "board.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace
{

board *g_board;
bool g_busy;
std::atomic<bool> g_failed;

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

// ---- computing
// -----------------------------------------------------------------------------------------------

__attribute__((target("avx2"))) void avx_round()
{
    __m256d a = _mm256_set_pd(1, 2, 3, 4), b = _mm256_set1_pd(1.0000001);
    for (int i = 0; i < 20000; i++)
        a = _mm256_add_pd(_mm256_mul_pd(a, b), _mm256_set1_pd(1e-9));
    static double expected[4];
    double got[4];
    _mm256_storeu_pd(got, a);
    if (expected[0] == 0)
        memcpy(expected, got, sizeof got);
    else if (memcmp(expected, got, sizeof got) != 0)
        fail("AVX registers changed");
    pause_us(300);
}

void x87_round()
{
    static long double expected;
    long double x = 1.5L;
    for (int i = 0; i < 20000; i++)
        asm volatile("fld1\n fadd %%st(1), %%st\n fsqrt\n fstp %%st(1)" : "+t"(x));
    if (expected == 0)
        expected = x;
    else if (memcmp(&expected, &x, 10) != 0)
        fail("x87 registers changed");
    pause_us(300);
}

// Sets the flags, spins without touching them, looks.
void flags_round()
{
    static unsigned pattern;
    pattern = pattern * 1664525 + 1013904223;
    constexpr uint64_t kUser = 0x8d5 | 0x400; // CF PF AF ZF SF OF DF
    uint64_t want = 0x202 | (pattern >> 8 & kUser), got;
    uint64_t count = 20000;
    asm volatile("push %2\n popfq\n"
                 "1: lea -1(%1), %1\n jrcxz 2f\n jmp 1b\n"
                 "2: pushfq\n pop %0\n cld"
                 : "=&r"(got), "+c"(count)
                 : "r"(want)
                 : "cc", "memory");
    if ((got & kUser) != (want & kUser))
        fail("flags were %lx and are %lx", want, got);
    pause_us(300);
}

// Every general register but rsp and the counter holds a pattern; the red zone too.
void registers_round()
{
    uint64_t bad = 0;
    asm volatile("sub $256, %%rsp\n push %%rbp\n push %%rbx\n"
                 "movabs $0x1111111111111111, %%rax\n mov %%rax, -8(%%rsp)\n mov %%rax, -128(%%rsp)\n"
                 "movabs $0x2222222222222222, %%rbx\n movabs $0x3333333333333333, %%rdx\n"
                 "movabs $0x4444444444444444, %%rsi\n movabs $0x5555555555555555, %%rdi\n"
                 "movabs $0x6666666666666666, %%rbp\n movabs $0x7777777777777777, %%r8\n"
                 "movabs $0x8888888888888888, %%r9\n movabs $0x9999999999999999, %%r10\n"
                 "movabs $0xaaaaaaaaaaaaaaaa, %%r11\n movabs $0xbbbbbbbbbbbbbbbb, %%r12\n"
                 "movabs $0xcccccccccccccccc, %%r13\n movabs $0xdddddddddddddddd, %%r14\n"
                 "movabs $0xeeeeeeeeeeeeeeee, %%r15\n mov $20000, %%ecx\n"
                 "1: lea -1(%%rcx), %%rcx\n jrcxz 2f\n jmp 1b\n"
                 // xor with the pattern: all zero, or'ed together, when nothing changed
                 "2: movabs $0x1111111111111111, %%rcx\n"
                 "xor %%rcx, -8(%%rsp)\n xor %%rcx, -128(%%rsp)\n xor %%rcx, %%rax\n"
                 "lea (%%rcx,%%rcx), %%rcx\n xor %%rcx, %%rbx\n or %%rbx, %%rax\n"
                 "movabs $0x3333333333333333, %%rcx\n xor %%rcx, %%rdx\n or %%rdx, %%rax\n"
                 "movabs $0x4444444444444444, %%rcx\n xor %%rcx, %%rsi\n or %%rsi, %%rax\n"
                 "movabs $0x5555555555555555, %%rcx\n xor %%rcx, %%rdi\n or %%rdi, %%rax\n"
                 "movabs $0x6666666666666666, %%rcx\n xor %%rcx, %%rbp\n or %%rbp, %%rax\n"
                 "movabs $0x7777777777777777, %%rcx\n xor %%rcx, %%r8\n or %%r8, %%rax\n"
                 "movabs $0x8888888888888888, %%rcx\n xor %%rcx, %%r9\n or %%r9, %%rax\n"
                 "movabs $0x9999999999999999, %%rcx\n xor %%rcx, %%r10\n or %%r10, %%rax\n"
                 "movabs $0xaaaaaaaaaaaaaaaa, %%rcx\n xor %%rcx, %%r11\n or %%r11, %%rax\n"
                 "movabs $0xbbbbbbbbbbbbbbbb, %%rcx\n xor %%rcx, %%r12\n or %%r12, %%rax\n"
                 "movabs $0xcccccccccccccccc, %%rcx\n xor %%rcx, %%r13\n or %%r13, %%rax\n"
                 "movabs $0xdddddddddddddddd, %%rcx\n xor %%rcx, %%r14\n or %%r14, %%rax\n"
                 "movabs $0xeeeeeeeeeeeeeeee, %%rcx\n xor %%rcx, %%r15\n or %%r15, %%rax\n"
                 "or -8(%%rsp), %%rax\n or -128(%%rsp), %%rax\n"
                 "pop %%rbx\n pop %%rbp\n add $256, %%rsp\n"
                 : "=&a"(bad)
                 :
                 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                   "memory");
    if (bad)
        fail("general registers or the red zone changed: %lx", bad);
    pause_us(300);
}

// Per-CPU counters by restartable sequences: no increment may be lost or made twice.
void rseq_round()
{
    static uint64_t counters[512], total;
    if (__rseq_size == 0)
        return pause_us(1000);
    auto *area =
        reinterpret_cast<struct rseq *>(static_cast<char *>(__builtin_thread_pointer()) + __rseq_offset);
    for (int i = 0; i < 2000; i++) {
        for (;;) {
            uint32_t cpu = __atomic_load_n(&area->cpu_id_start, __ATOMIC_RELAXED);
            uint64_t done = 0;
            asm volatile(".pushsection __rseq_cs, \"aw\"\n .balign 32\n"
                         "3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
                         "lea 3b(%%rip), %%rax\n mov %%rax, %[cs]\n"
                         "1: cmp %[cpu], %[now]\n jne 5f\n"
                         "mov %[counter], %%rax\n lea 1(%%rax), %%rax\n"
                         "mov $400, %%ecx\n 6: dec %%ecx\n jnz 6b\n" // long enough to be met in here
                         "mov %%rax, %[counter]\n"
                         "2: mov $1, %[done]\n jmp 5f\n"
                         ".long 0x53053053\n"
                         "4: xor %k[done], %k[done]\n"
                         "5: movq $0, %[cs]\n"
                         : [done] "+&r"(done), [cs] "+m"(area->rseq_cs), [counter] "+m"(counters[cpu & 511])
                         : [cpu] "r"(cpu), [now] "m"(area->cpu_id)
                         : "rax", "rcx", "cc", "memory");
            if (done)
                break;
        }
        total++;
    }
    uint64_t sum = 0;
    for (uint64_t c : counters)
        sum += c;
    if (sum != total)
        fail("rseq counters add up to %lu instead of %lu", sum, total);
    pause_us(300);
}

// ---- sleeping
// ------------------------------------------------------------------------------------------------

// A sleep must not be cut short, nor end with an error, nor start anew each time that somebody looks.
void check_time(const char *what, uint64_t begin, uint64_t ns)
{
    uint64_t took = now() - begin;
    if (took < ns)
        fail("%s of %lu us took %lu us", what, ns / 1000, took / 1000);
}

void nanosleep_round()
{
    timespec t{0, 3000000}, left{};
    uint64_t begin = now();
    if (nanosleep(&t, &left))
        fail("nanosleep: %s", strerror(errno));
    check_time("nanosleep", begin, 3000000);
}

void abs_sleep_round()
{
    uint64_t begin = now(), end = begin + 3000000;
    timespec t{static_cast<time_t>(end / 1000000000), static_cast<long>(end % 1000000000)};
    if (int e = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr))
        fail("clock_nanosleep: %s", strerror(e));
    check_time("clock_nanosleep", begin, 3000000);
}

void futex_timeout_round()
{
    static uint32_t word = 7;
    timespec t{0, 3000000};
    uint64_t begin = now();
    long r = futex(&word, FUTEX_WAIT_PRIVATE, 7, &t);
    if (r != -1 || errno != ETIMEDOUT)
        fail("futex wait: %ld %s", r, strerror(errno));
    check_time("futex wait", begin, 3000000);
}

int g_quiet[2]; // a pipe where nothing comes

void poll_round()
{
    pollfd fd{g_quiet[0], POLLIN, 0};
    uint64_t begin = now();
    if (int r = poll(&fd, 1, 3))
        fail("poll: %d %s", r, strerror(errno));
    check_time("poll", begin, 2900000);
}

void select_round()
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(g_quiet[0], &set);
    timeval t{0, 3000};
    uint64_t begin = now();
    if (int r = select(g_quiet[0] + 1, &set, nullptr, nullptr, &t))
        fail("select: %d %s", r, strerror(errno));
    check_time("select", begin, 3000000);
}

void epoll_round()
{
    static int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event;
    int r = epoll_wait(epoll, &event, 1, 3);
    if (r == -1 && errno == EINTR)
        interrupted();
    else if (r)
        fail("epoll_wait: %d %s", r, strerror(errno));
}

void sigtimedwait_round()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 7);
    timespec t{0, 3000000};
    int r = sigtimedwait(&set, nullptr, &t);
    if (r == -1 && errno == EINTR)
        interrupted();
    else if (r != -1 || errno != EAGAIN)
        fail("sigtimedwait: %d %s", r, strerror(errno));
}

// ---- between threads
// --------------------------------------------------------------------------------------------

uint32_t g_ball;

void futex_play(uint32_t mine)
{
    for (int i = 0; i < 20; i++) {
        uint32_t ball;
        while (((ball = __atomic_load_n(&g_ball, __ATOMIC_ACQUIRE)) & 1) != mine)
            if (futex(&g_ball, FUTEX_WAIT_PRIVATE, ball, nullptr) && errno != EAGAIN)
                fail("futex ping-pong: %s", strerror(errno));
        __atomic_store_n(&g_ball, ball + 1, __ATOMIC_RELEASE);
        futex(&g_ball, FUTEX_WAKE_PRIVATE, 1, nullptr);
    }
    if (mine)
        pause_us(300);
}
void ping_round() { futex_play(0); }
void pong_round() { futex_play(1); }

int g_pipe[2];

void writer_round()
{
    static uint32_t next;
    uint32_t words[64];
    for (uint32_t &word : words)
        word = next++;
    ssize_t n = write(g_pipe[1], words, sizeof words);
    if (n != sizeof words)
        fail("write to the pipe: %zd %s", n, strerror(errno));
    pause_us(500);
}

void reader_round()
{
    static uint32_t next;
    uint32_t words[64];
    for (size_t had = 0; had < sizeof words;) {
        ssize_t n = read(g_pipe[0], reinterpret_cast<char *>(words) + had, sizeof words - had);
        if (n <= 0)
            return fail("read from the pipe: %zd %s", n, strerror(errno));
        had += static_cast<size_t>(n);
    }
    for (uint32_t word : words)
        if (word != next++)
            return fail("the pipe carried %u instead of %u", word, next - 1);
}

// ---- signals
// ------------------------------------------------------------------------------------------------------

thread_local volatile int t_handled;
thread_local char *t_altstack;

void count_signal(int)
{
    char here;
    if (t_altstack && (&here < t_altstack || &here >= t_altstack + 65536))
        fail("a handler was not on the alternate stack");
    t_handled = t_handled + 1;
}

void handle(int signal, int flags)
{
    struct sigaction action {
    };
    action.sa_handler = count_signal;
    action.sa_flags = flags;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

void block(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, nullptr);
}

// SIGALRM by setitimer, in sigsuspend only.
void suspend_round()
{
    static bool ready = [] {
        handle(SIGALRM, SA_RESTART);
        return true;
    }();
    (void)ready;
    int before = t_handled;
    itimerval once{{0, 0}, {0, 2000}};
    setitimer(ITIMER_REAL, &once, nullptr);
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    if (sigsuspend(&set) != -1 || errno != EINTR)
        fail("sigsuspend: %s", strerror(errno));
    if (t_handled != before + 1)
        fail("sigsuspend ended after %d signals", t_handled - before);
}

timer_t timer_for_this_thread(int signal)
{
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
    event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        fail("timer_create: %s", strerror(errno));
    return timer;
}

// A timer against a read that blocks for ever: a handler, on the alternate stack, then EINTR. When the signal
// comes while somebody is at work in this thread, the read must still not be made again. (When it comes
// before the read is entered, as on a busy machine, it takes the next tick; those are counted.)
void eintr_round()
{
    static timer_t timer = [] {
        t_altstack = static_cast<char *>(
            mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        stack_t stack{};
        stack.ss_sp = t_altstack;
        stack.ss_size = 65536;
        sigaltstack(&stack, nullptr);
        handle(SIGRTMIN + 1, SA_ONSTACK);
        return timer_for_this_thread(SIGRTMIN + 1);
    }();
    int before = t_handled;
    itimerspec ticks{{0, 100000000}, {0, 2000000}}, off{};
    timer_settime(timer, 0, &ticks, nullptr);
    char byte;
    ssize_t n = read(g_quiet[0], &byte, 1);
    int err = errno;
    timer_settime(timer, 0, &off, nullptr);
    if (n != -1 || err != EINTR)
        fail("read: %zd %s", n, strerror(err));
    if (t_handled == before)
        fail("read ended without a signal");
    if (t_handled != before + 1)
        __atomic_fetch_add(&g_board->late, 1, __ATOMIC_RELAXED);
}

// With SA_RESTART the read is made again until the byte comes that the second signal sends.
int g_again[2];
void again(int)
{
    t_handled = t_handled + 1;
    if (t_handled % 3 == 0 && write(g_again[1], "x", 1) != 1)
        fail("write in a handler: %s", strerror(errno));
}

void restart_round()
{
    static timer_t timer = [] {
        struct sigaction action {
        };
        action.sa_handler = again;
        action.sa_flags = SA_RESTART;
        sigaction(SIGRTMIN + 2, &action, nullptr);
        return timer_for_this_thread(SIGRTMIN + 2);
    }();
    itimerspec often{{0, 700000}, {0, 700000}};
    timer_settime(timer, 0, &often, nullptr);
    char byte = 0;
    ssize_t n = read(g_again[0], &byte, 1);
    if (n != 1 || byte != 'x')
        fail("read with SA_RESTART: %zd %s", n, strerror(errno));
    itimerspec off{};
    timer_settime(timer, 0, &off, nullptr);
    t_handled = 0;
    int flags = fcntl(g_again[0], F_GETFL);
    fcntl(g_again[0], F_SETFL, flags | O_NONBLOCK);
    while (read(g_again[0], &byte, 1) == 1) {
    }
    fcntl(g_again[0], F_SETFL, flags);
}

// The signal mask of a thread is its own.
void mask_round()
{
    static uint64_t pattern = 0x123456789;
    pattern = pattern * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t want = pattern & 0x7ffffffe00000000ull, got = 0; // real-time signals that nobody uses here
    want |= 1ull << (SIGUSR1 - 1) | 1ull << (SIGALRM - 1);
    uint64_t old = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &want, &old, 8);
    pause_us(300);
    for (int i = 0; i < 20000; i++)
        asm volatile("");
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, &got, 8);
    if (got != want)
        fail("the signal mask was %lx and is %lx", want, got);
}

// ---- all of them
// ----------------------------------------------------------------------------------------------------

struct Worker {
    const char *name;
    void (*round)();
    bool pair; // does not work alone
};
const Worker kWorkers[] = {
    {"avx", avx_round, false},
    {"x87", x87_round, false},
    {"flags", flags_round, false},
    {"registers", registers_round, false},
    {"rseq", rseq_round, false},
    {"nanosleep", nanosleep_round, false},
    {"abs_sleep", abs_sleep_round, false},
    {"futex", futex_timeout_round, false},
    {"poll", poll_round, false},
    {"select", select_round, false},
    {"epoll", epoll_round, false},
    {"sigtimedwait", sigtimedwait_round, false},
    {"ping", ping_round, true},
    {"pong", pong_round, true},
    {"writer", writer_round, true},
    {"reader", reader_round, true},
    {"suspend", suspend_round, false},
    {"eintr", eintr_round, false},
    {"restart", restart_round, false},
    {"mask", mask_round, false},
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
    if (pipe2(g_pipe, O_CLOEXEC) || pipe2(g_quiet, O_CLOEXEC) || pipe2(g_again, O_CLOEXEC))
        return 2;
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
