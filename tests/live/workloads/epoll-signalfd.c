// differs: */watch/7/5
// Signalfds that are watched by an epoll: a signal that comes after the restore is told by it. An epoll gets
// to know of signals of the process that added the signalfd, so that it matters who does that on a restore.
// One that was used up (EPOLLONESHOT) comes back waiting for errors, which no signalfd has.
#include "workload.h"
#include <sys/epoll.h>
#include <sys/signalfd.h>

enum { kWay = 1, kOuter, kMoved, kTaken, kOnce, kGone };

static int new_signalfd(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    check(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    check(fd >= 0, "signalfd");
    return fd;
}

static void add(int epoll, int fd, unsigned events, int data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void check_told(int epoll, int data)
{
    struct epoll_event event = {0};
    check_equal(epoll_wait(epoll, &event, 1, 3000), 1, "how many targets are ready");
    check_equal(event.data.u64, data, "which one is ready");
}

static void read_one(int fd, unsigned number)
{
    struct signalfd_siginfo info;
    check(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == number, "the signal");
}

static void shares_it(void)
{
    child_ready();
    wait_for_go();
}

int main(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create1(0), taken[2];
    int plain = new_signalfd(SIGUSR1), moved = new_signalfd(SIGUSR2), once = new_signalfd(SIGRTMIN + 1);
    int replaced = new_signalfd(SIGRTMIN + 2), gone = new_signalfd(SIGRTMIN + 3);
    add(epoll, plain, EPOLLIN, kWay);
    add(outer, epoll, EPOLLIN, kOuter);
    add(epoll, moved, EPOLLIN, kMoved);
    add(epoll, replaced, EPOLLIN, kTaken);
    add(epoll, once, EPOLLIN | EPOLLONESHOT, kOnce);
    check(raise(SIGRTMIN + 1) == 0, "raise");
    check_told(epoll, kOnce); // is used up now
    read_one(once, (unsigned)SIGRTMIN + 1);
    add(epoll, gone, EPOLLIN, kGone);
    // One is at another number now, one's number is another file's.
    int moved_to = fcntl(moved, F_DUPFD_CLOEXEC, 100), replaced_to = dup(replaced), gone_to = dup(gone);
    check(moved_to >= 100 && close(moved) == 0, "moved");
    check(pipe(taken) == 0 && dup2(taken[1], replaced) == replaced && close(taken[1]) == 0, "replaced");
    pid_t child = start_child(shares_it);
    ready();
    wait_for_go();
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = kOnce};
    check_equal(epoll_wait(outer, &event, 1, 0), 0, "ready before any signal");
    check(raise(SIGUSR1) == 0, "raise");
    check_told(outer, kOuter);
    check_told(epoll, kWay);
    read_one(plain, SIGUSR1);
    check(raise(SIGUSR2) == 0, "raise");
    check_told(epoll, kMoved);
    read_one(moved_to, SIGUSR2);
    check(raise(SIGRTMIN + 2) == 0, "raise");
    check_told(epoll, kTaken);
    read_one(replaced_to, (unsigned)SIGRTMIN + 2);
    check(raise(SIGRTMIN + 1) == 0, "raise");
    check_equal(epoll_wait(epoll, &event, 1, 0), 0, "ready after it was used up");
    event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u64 = kOnce};
    check(epoll_ctl(epoll, EPOLL_CTL_MOD, once, &event) == 0, "epoll_ctl");
    check_told(epoll, kOnce);
    check(raise(SIGRTMIN + 3) == 0, "raise");
    check_told(epoll, kGone);
    check(epoll_ctl(epoll, EPOLL_CTL_DEL, gone, NULL) == 0 && epoll_wait(epoll, &event, 1, 0) == 0,
          "taken out");
    read_one(gone_to, (unsigned)SIGRTMIN + 3);
    char byte;
    check(write(replaced, "x", 1) == 1 && read(taken[0], &byte, 1) == 1, "the pipe at the number of another");
    child_passed(child);
    pass();
}
