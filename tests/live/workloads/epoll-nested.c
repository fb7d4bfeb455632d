// without: files.epfd.tfd.data
// An epoll descriptor watched by another; a target known by a number that is closed but for its duplicate.
#include "workload.h"
#include <sys/epoll.h>

int main(void)
{
    int inner = epoll_create1(0), outer = epoll_create1(EPOLL_CLOEXEC), ends[2], shared[2];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 11}, got;
    check(pipe(ends) == 0 && pipe(shared) == 0 && epoll_ctl(inner, EPOLL_CTL_ADD, ends[0], &event) == 0,
          "set-up");
    event.data.u32 = 22;
    check(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event) == 0, "set-up");
    event.data.u32 = 33;
    check(epoll_ctl(outer, EPOLL_CTL_ADD, shared[0], &event) == 0, "set-up");
    check(dup2(shared[0], 50) == 50 && close(shared[0]) == 0, "set-up");
    ready();
    wait_for_go();
    check_equal(epoll_wait(outer, &got, 1, 0), 0, "nothing is ready");
    check(write(ends[1], "x", 1) == 1, "write");
    check(epoll_wait(outer, &got, 1, 0) == 1 && got.data.u32 == 22, "the inner descriptor");
    check(epoll_wait(inner, &got, 1, 0) == 1 && got.data.u32 == 11, "the target of the inner descriptor");
    char byte;
    check(read(ends[0], &byte, 1) == 1 && write(shared[1], "x", 1) == 1, "write");
    check(epoll_wait(outer, &got, 1, 0) == 1 && got.data.u32 == 33, "the target that is left as a duplicate");
    pass();
}
