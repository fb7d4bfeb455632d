// without: files.epfd.tfd.events, files.epfd.tfd.data, files.epfd.tfd.tfd, files.epfd.tfd
// An epoll descriptor with many targets of several kinds; ready ones are told after the restore, with their
// data.
#include "workload.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

enum { kPipes = 20 };

int main(void)
{
    int ends[kPipes][2], epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event, events[64];
    for (int i = 0; i < kPipes; ++i) {
        event = (struct epoll_event){.events = i % 2 ? EPOLLIN | EPOLLRDHUP : EPOLLOUT,
                                     .data.u64 = 0xabcdef0000000000 + i};
        check(pipe(ends[i]) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i][i % 2 ? 0 : 1], &event) == 0,
              "epoll_ctl");
    }
    int event_fd = eventfd(1, EFD_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    event = (struct epoll_event){.events = EPOLLIN | EPOLLPRI, .data.u64 = 100};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, event_fd, &event) == 0, "epoll_ctl");
    event = (struct epoll_event){.events = EPOLLIN, .data.u64 = 101};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0, "epoll_ctl");
    check(write(ends[5][1], "x", 1) == 1, "write");
    ready();
    wait_for_go();
    int ready_count = epoll_wait(epoll, events, 64, 0);
    check_equal(ready_count, kPipes / 2 + 2, "how many targets are ready");
    for (int i = 0; i < ready_count; ++i) {
        unsigned long long data = events[i].data.u64, number = data - 0xabcdef0000000000;
        check(data == 100 || number == 5 || (number < kPipes && number % 2 == 0),
              "a target that is not ready is told");
        check_equal(events[i].events, data == 100 || number == 5 ? EPOLLIN : EPOLLOUT, "its events");
    }
    check(write(ends[7][1], "x", 1) == 1, "write");
    check_equal(epoll_wait(epoll, events, 64, 0), kPipes / 2 + 3,
                "how many targets are ready after one more");
    check(epoll_ctl(epoll, EPOLL_CTL_DEL, timer, NULL) == 0 &&
              epoll_ctl(epoll, EPOLL_CTL_MOD, ends[9][0], &event) == 0,
          "targets can be taken out and changed");
    pass();
}
