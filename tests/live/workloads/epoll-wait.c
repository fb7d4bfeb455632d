// without: files.epfd.tfd.data, core.thread_info.gpregs.si
// A thread blocked in epoll_wait is not interrupted and gets its event.
#include "workload.h"
#include <sys/epoll.h>

static int ends[2], epoll;

static void waiter(void)
{
    struct epoll_event event;
    check_equal(epoll_wait(epoll, &event, 1, -1), 1, "epoll_wait");
    check_equal(event.data.u64, 0x123456789abcdef0, "the event's data");
    check_equal(event.events, EPOLLIN, "the event");
}

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef0};
    check(pipe(ends) == 0 && (epoll = epoll_create1(0)) >= 0, "set-up");
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0, "epoll_ctl");
    pthread_t thread = start_blocked(waiter, SYS_epoll_wait);
    ready();
    wait_for_go();
    check(write(ends[1], "x", 1) == 1, "write");
    join_thread(thread);
    pass();
}
