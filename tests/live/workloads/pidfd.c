// without: files.pidfd.nspid, files.pidfd.flags
// Descriptors of processes: of a child, of a child's sibling held by the other, of oneself, of a zombie, of
// one that is gone; watched by an epoll; shared and close-on-exec or not.
#include "workload.h"
#include <poll.h>
#include <sys/epoll.h>

static int of_first = -1;

static int open_pid(pid_t pid, int flags)
{
    int fd = syscall(SYS_pidfd_open, pid, flags);
    if (fd < 0 && errno == ENOSYS)
        skip("pidfd_open: %s\n", strerror(errno));
    check(fd >= 0, "set-up");
    return fd;
}

static void child(void)
{
    child_ready();
    wait_for_go();
    while (access("end", F_OK) != 0)
        sleep_ms(2);
    if (of_first >= 0)
        check(syscall(SYS_pidfd_send_signal, of_first, 0, NULL, 0) == 0, "the sibling of a child");
}

static int is_readable(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};
    return poll(&wait, 1, 0) == 1;
}

int main(void)
{
    pid_t first = start_child(child);
    of_first = open_pid(first, 0);
    pid_t second = start_child(child), dead = fork();
    if (dead == 0)
        _exit(9);
    int self = open_pid(getpid(), 0), gone = open_pid(dead, 0), also_gone = open_pid(dead, 0),
        copy = dup(self);
    check(waitpid(dead, NULL, 0) == dead, "set-up");
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(3);
    int of_zombie = open_pid(zombie, O_NONBLOCK), of_second = open_pid(second, O_NONBLOCK);
    siginfo_t info;
    check(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT) == 0, "set-up");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, of_second, &event) == 0, "set-up");
    ready();
    wait_for_go();
    check(syscall(SYS_pidfd_send_signal, copy, 0, NULL, 0) == 0, "oneself");
    check(syscall(SYS_pidfd_send_signal, gone, 0, NULL, 0) == -1 && errno == ESRCH, "one that is gone");
    check(syscall(SYS_pidfd_send_signal, also_gone, 0, NULL, 0) == -1 && errno == ESRCH, "one that is gone");
    check(is_readable(of_zombie) && !is_readable(of_first) && !is_readable(of_second), "who has ended");
    check(epoll_wait(epoll, &event, 1, 0) == 0, "who has ended, by epoll");
    check(fcntl(of_second, F_GETFL) & O_NONBLOCK, "a flag");
    check(waitid((idtype_t)3 /* P_PIDFD */, of_zombie, &info, WEXITED) == 0 && info.si_status == 3,
          "the zombie");
    check(mkdir("end", 0755) == 0, "mkdir");
    check(epoll_wait(epoll, &event, 1, 5000) == 1 && event.data.u64 == 77, "the end of a child, by epoll");
    child_passed(first);
    child_passed(second);
    pass();
}
