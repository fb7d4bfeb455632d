// What of a tree is looked at, and done, before anything is stopped.
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/tree.h"

#include <algorithm>
#include <functional>
#include <unistd.h>

namespace cr::inject
{

// A process and its descendants, while they run.
static void for_tree(pid_t pid, const std::function<void(pid_t)> &action)
{
    action(pid);
    std::vector<pid_t> children;
    for (pid_t tid : thread_ids(pid)) {
        auto some = children_of(pid, tid);
        children.insert(children.end(), some.begin(), some.end());
    }
    for (pid_t child : children)
        for_tree(child, action);
}

// Reports what can be known before anything is touched. What is missed here is found by the passes, when the tree is
// undone again.
void FrozenTree::examine(pid_t root)
{
    for_tree(root, [this](pid_t pid) { examine_process(pid); });
}

void FrozenTree::prepare(pid_t pid)
{
    if (!options_.prepare || prepared_.count(pid) || !blockers_.empty())
        return;
    auto stat = stat_of(pid);
    if (!stat || (stat->state == 'Z' && thread_ids(pid).size() <= 1))
        return;
    prepared_.insert(pid);
    Deadline begin = Clock::now();
    options_.prepare(pid);
    if (deadline_ != Deadline::max())
        deadline_ += Clock::now() - begin;
}

// As long as new ones are born meanwhile; whoever is missed comes later.
void FrozenTree::prepare_tree()
{
    constexpr int kPasses = 10;
    size_t had = 0;
    for (int i = 0; options_.prepare && i < kPasses && (i == 0 || prepared_.size() > had); i++) {
        had = prepared_.size();
        for_tree(root_, [this](pid_t pid) { prepare(pid); });
    }
}

void FrozenTree::examine_process(pid_t pid)
{
    auto text = [&] { return subject_of(pid); };
    Subject subject(text);
    if (pid == getpid())
        block(refusal("this is the process that does the freezing", "start it from outside of the tree"));
    if (std::count(options_.stages.begin(), options_.stages.end(), pid))
        block(refusal("this is a stage of the same pipeline", "start the pipeline from outside of the tree"));
    if (auto status = status_of(pid, pid))
        examine_thread(*status, pid);
}

bool FrozenTree::is_inside(pid_t id) const
{
    auto status = status_of(id, id);
    for (pid_t pid = status ? status->tgid : 0; pid > 1;) {
        if (pid == root_)
            return true;
        status = status_of(pid, pid);
        pid = status ? status->ppid : 0;
    }
    return false;
}

// Whether there is something in the way, which is told then.
bool FrozenTree::examine_thread(const proc::Status &status, pid_t tid)
{
    std::string thread = tid == status.tgid ? "" : cat("thread ", tid, " ");
    if (status.kernel_thread || status.ppid == 2)
        block(refusal("this is a thread of the kernel"));
    else if (status.tracer && status.tracer != gettid())
        block(refusal(cat(thread.empty() ? "it " : thread, "is traced by ", subject_of(status.tracer),
                          is_inside(status.tracer) ? ", a process of the same tree" : "",
                          ", and the kernel lets nobody else hold it"),
                      "end that debugger or tracer, or have it detach, before the dump"));
    else
        return false;
    return true;
}

} // namespace cr::inject
