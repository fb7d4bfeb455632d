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

std::optional<Blocker> look_at(const TaskFiles &task, int fd, const DumpOptions &options, const Locks &locks)
{
    std::optional<Facts> found = task.facts(fd);
    if (!found)
        return std::nullopt;
    Facts &facts = *found;
    if (fd < 0)
        return name_blocker(facts);
    const Kind *kind = classify(facts);
    if (!kind)
        return unsupported(facts);
    bool maybe_locked = locks.may_hold(facts.st);
    if (kind->wants_info || maybe_locked)
        task.load_info(facts);
    if (maybe_locked && facts.info.field("lock"))
        return blocker_of(facts, "file locks are not supported yet",
                          "let the program give the lock back first");
    return kind->blocker(facts, options);
}

} // namespace

void blockers(pid_t pid, const DumpOptions &options, std::vector<Blocker> &out)
{
    auto what = [&] { return cat("pid ", pid); };
    Subject subject(what);
    TaskFiles task(pid);
    std::vector<int> fds = task.candidates();
    fds.insert(fds.begin(), {kRoot, kCwd});
    Locks locks = Locks::read();
    std::vector<std::optional<Blocker>> found(fds.size());
    parallel_for(fds.size(), [&](size_t i) { found[i] = look_at(task, fds[i], options, locks); });
    for (auto &blocker : found)
        if (blocker)
            out.push_back(std::move(*blocker));
}

} // namespace cr::files
