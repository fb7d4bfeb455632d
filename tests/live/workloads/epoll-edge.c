// without: files.epfd.tfd.events
// Edge-triggered and one-shot targets: told again when something comes, not before; a spent one-shot stays
// so.
#include "workload.h"
#include <sys/epoll.h>

int main(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), edge[2], once[2];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 1}, got[4];
    check(pipe(edge) == 0 && pipe(once) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, edge[0], &event) == 0,
          "set-up");
    event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 2};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, once[0], &event) == 0 && write(once[1], "x", 1) == 1, "set-up");
    check(epoll_wait(epoll, got, 4, 0) == 1 && got[0].data.u32 == 2, "set-up");
    ready();
    wait_for_go();
    check_equal(epoll_wait(epoll, got, 4, 0), 0, "a spent one-shot target is told again");
    check(write(edge[1], "x", 1) == 1, "write");
    check(epoll_wait(epoll, got, 4, 0) == 1 && got[0].data.u32 == 1, "the edge");
    check_equal(epoll_wait(epoll, got, 4, 0), 0, "an edge is told twice");
    check(epoll_ctl(epoll, EPOLL_CTL_MOD, once[0], &event) == 0, "epoll_ctl");
    check(epoll_wait(epoll, got, 4, 0) == 1 && got[0].data.u32 == 2, "the one-shot target, armed again");
    pass();
}
