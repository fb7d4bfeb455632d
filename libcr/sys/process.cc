#include "libcr/sys/process.h"

#include "libcr/base/text.h"

#include <sys/prctl.h>
#include <unistd.h>
#include <vector>

namespace cr::sys
{

namespace
{

// In the child that is not to be, until its parent ends it or ends.
[[noreturn]] void be_unlucky(pid_t parent)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (::getppid() == parent)
        ::pause();
    ::_exit(0);
}

} // namespace

long fork_outside(const std::set<pid_t> &taken)
{
    const pid_t parent = ::getpid();
    std::vector<pid_t> unlucky; // kept until another id is found, so that theirs do not come again
    long child;
    while ((child = call(SYS_fork)) >= 0) {
        bool is_taken = taken.count(child ? static_cast<pid_t>(child) : ::getpid());
        if (child == 0 && is_taken)
            be_unlucky(parent);
        if (!is_taken)
            break;
        unlucky.push_back(static_cast<pid_t>(child));
    }
    if (child == 0)
        return 0;
    for (pid_t pid : unlucky) {
        call(SYS_kill, pid, SIGKILL);
        WaitStatus status;
        while (wait_for(pid, status, __WALL) == -EINTR)
            ;
    }
    return child;
}

std::string WaitStatus::text() const
{
    if (WIFEXITED(status_))
        return cat("exited with ", WEXITSTATUS(status_));
    if (WIFSIGNALED(status_))
        return cat("was killed by signal ", WTERMSIG(status_));
    if (event())
        return cat("stopped with event ", event(), " and signal ", signal());
    return cat("stopped by signal ", signal());
}

} // namespace cr::sys
