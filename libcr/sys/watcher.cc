#include "libcr/sys/watcher.h"

#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/sys/process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace cr::sys
{

namespace
{

void end(pid_t pid)
{
    ::kill(pid, SIGKILL);
    WaitStatus status;
    while (wait_for(pid, status, __WALL) == -EINTR)
        ;
}

[[noreturn]] void watch(const char *name, int ourselves, const std::function<void()> &work)
{
    log::speak_as(name);
    ::prctl(PR_SET_NAME, name);
    // What ends the whole group or session does not end it: neither by signals nor with the terminal.
    ::setsid();
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    pollfd gone{ourselves, POLLIN, 0};
    while (call(SYS_poll, &gone, 1, -1) == -EINTR)
        ;
    try {
        work();
    } catch (const Error &error) {
        log::error(error.what());
    }
    ::_exit(0);
}

} // namespace

Watcher::Watcher(const char *name, const std::function<void()> &work, const std::set<pid_t> &taken)
{
    Fd ourselves(static_cast<int>(check(pidfd_open(::getpid()), "open a pidfd of ourselves")));
    pid_ = static_cast<pid_t>(fork_outside(taken));
    if (pid_ == 0)
        watch(name, ourselves.get(), work);
    check(pid_, cat("start the process ", name));
}

Watcher::~Watcher() { end(pid_); }

} // namespace cr::sys
