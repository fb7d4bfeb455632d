// without: files.epfd.tfd.events
// A file watched by two epolls of which one only is woken up (EPOLLEXCLUSIVE): that flag can be given only
// when the file is added.
#include "workload.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, .data.u64 = 5};
    int file = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), one = epoll_create1(EPOLL_CLOEXEC),
        two = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(one, EPOLL_CTL_ADD, file, &event) != 0)
        skip("EPOLLEXCLUSIVE: %s\n", strerror(errno));
    event.data.u64 = 6;
    check(epoll_ctl(two, EPOLL_CTL_ADD, file, &event) == 0, "set-up");
    ready();
    wait_for_go();
    event.events = EPOLLIN;
    check(epoll_ctl(one, EPOLL_CTL_MOD, file, &event) == -1 && errno == EINVAL,
          "it is not exclusive any more");
    check(epoll_wait(one, &event, 1, 0) == 0 && epoll_wait(two, &event, 1, 0) == 0, "nothing has happened");
    check(eventfd_write(file, 1) == 0 && epoll_wait(two, &event, 1, 1000) == 1, "an event");
    check_equal(event.data.u64, 6, "its data");
    pass();
}
