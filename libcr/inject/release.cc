// The ends of a tree's being held.
#include "libcr/base/text.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/tree.h"
#include "libcr/sys/ptrace.h"

namespace cr::inject
{

namespace pt = sys::ptrace;

// Not an error anywhere: a thread that cannot be detached is let go by the kernel as this process ends.
void FrozenTree::resume()
{
    held_ = false;
    if (options_.before_resume)
        options_.before_resume();
    for (FrozenTask &task : tasks_)
        for (FrozenThread &thread : task.threads)
            if (thread.seized)
                pt::detach(thread.tid);
}

void FrozenTree::leave_stopped()
{
    for (FrozenTask &task : tasks_)
        if (task.state == FrozenTask::State::Alive)
            sys::pidfd_send_signal(task.pidfd.get(), SIGSTOP);
    resume();
    for (const FrozenTask &task : tasks_)
        for (const FrozenThread &thread : task.threads)
            if (task.state == FrozenTask::State::Alive)
                see_state(task.pid, thread.tid, "TZX");
}

void FrozenTree::doom()
{
    for (FrozenTask &task : tasks_)
        for (FrozenThread &thread : task.threads)
            pt::set_options(thread.tid, PTRACE_O_EXITKILL);
}

void FrozenTree::kill()
{
    // From the first SIGKILL on there is no way back, so a death of ours must not leave a part of the tree.
    doom();
    for (FrozenTask &task : tasks_)
        if (sys::pidfd_send_signal(task.pidfd.get(), SIGKILL) < 0) // or we would wait for it in vain
            sys::call(SYS_kill, task.pid, SIGKILL);
    held_ = false;
    // A leader is reported only after all its threads were.
    Deadline deadline = Clock::now() + std::chrono::seconds(60);
    for (FrozenTask &task : tasks_)
        for (auto thread = task.threads.rbegin(); thread != task.threads.rend(); ++thread)
            for (;;) {
                auto status = waiter_.wait(thread->tid, deadline);
                if (!status || status->gone())
                    break;
            }
}

std::string FrozenTree::trouble()
{
    for (FrozenTask &task : tasks_)
        for (FrozenThread &thread : task.threads)
            if (auto status = Waiter::poll(thread.tid); status && status->gone())
                return cat("pid ", task.pid, " ", status->text(), " while it was held");
    return {};
}

} // namespace cr::inject
