#include "libcr/files/blockers.h"

#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/locks.h"
#include "libcr/files/reg.h"
#include "libcr/files/unsupported.h"

namespace cr::files
{

namespace
{

// `found` is what the descriptor refers to, as far as it was looked at.
std::optional<Blocker> look_at(const TaskFiles &task, int fd, const DumpOptions &options, const Locks &locks,
                               std::optional<Facts> &found)
{
    found = task.facts(fd);
    if (!found)
        return std::nullopt;
    Facts &facts = *found;
    if (fd < 0)
        return name_blocker(facts);
    const Kind *kind = classify(facts);
    if (!kind)
        return unsupported(facts);
    if (locks.may_hold(facts.st))
        task.load_info(facts);
    if (facts.info.field("lock"))
        return blocker_of(facts, "file locks are not supported yet",
                          "let the program give the lock back first");
    return kind->blocker(facts, options);
}

} // namespace

void BlockerSearch::look(pid_t pid, std::vector<Blocker> &out)
{
    auto what = [&] { return cat("pid ", pid); };
    Subject subject(what);
    TaskFiles task(pid);
    std::vector<int> fds = task.candidates();
    fds.insert(fds.begin(), {kRoot, kCwd});
    Locks locks = Locks::read();
    std::vector<std::optional<Facts>> found(fds.size());
    std::vector<std::optional<Blocker>> blockers(fds.size());
    parallel_for(fds.size(),
                 [&](size_t i) { blockers[i] = look_at(task, fds[i], options_, locks, found[i]); });
    for (size_t i = 0; i < fds.size(); i++) {
        if (blockers[i])
            out.push_back(std::move(*blockers[i]));
        else if (found[i] && found[i]->link.starts_with("pipe:["))
            pipes_[found[i]->st.st_ino].add(*found[i]);
    }
}

void BlockerSearch::finish(std::vector<Blocker> &out) const
{
    for (const auto &[inode, ends] : pipes_) {
        TaskFiles task(ends.first.pid);
        if (auto blocker = other_end_outside(ends, task.release_pidfd().get(), options_))
            out.push_back(std::move(*blocker));
    }
}

} // namespace cr::files
