// Workers that sleep in calls with a time limit: one that is made again after an interruption must neither
// end early, nor with an error.
#include "torture.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

namespace
{

// A sleep must not be cut short, nor end with an error, nor start anew each time that somebody looks.
void check_time(const char *what, uint64_t begin, uint64_t ns)
{
    uint64_t took = now() - begin;
    if (took < ns)
        fail("%s of %lu us took %lu us", what, ns / 1000, took / 1000);
}

} // namespace

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
