#include "libcr/inject/write_watch.h"

#include "libcr/inject/run.h"

#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::inject
{

Fd take_userfaultfd(FrozenTask &task, const Waiter &waiter, std::string &why)
{
    Fd out;
    if (calls_may_harm(task)) {
        why = "it is under seccomp, handles its system calls itself or runs 32-bit code, so no call may be "
              "made in it";
        return out;
    }
    Job job;
    job.task = &task;
    Calls &calls = job.threads.emplace_back();
    // Not UFFD_USER_MODE_ONLY: system calls that write to held memory would fail instead of waiting.
    Calls::Out made = calls.sys_result(SYS_userfaultfd, {O_CLOEXEC | O_NONBLOCK});
    calls.transient(made);
    long result = 0;
    job.made = [&](const Calls &answers) {
        result = answers.result(made);
        if (result < 0)
            return;
        result = sys::call(SYS_pidfd_getfd, task.pidfd.get(), result, 0);
        if (result >= 0)
            out = Fd(static_cast<int>(result));
    };
    run(job, waiter);
    if (result < 0)
        why = errno_text(static_cast<int>(-result));
    return out;
}

} // namespace cr::inject
