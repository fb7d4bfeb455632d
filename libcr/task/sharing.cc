#include "libcr/task/sharing.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>

namespace cr::task
{

uint32_t SharedObjects::id_of(pid_t pid)
{
    size_t low = 0, high = sorted_.size();
    while (low < high) {
        size_t middle = (low + high) / 2;
        long order = sys::check(sys::kcmp(pid, sorted_[middle].pid, what_),
                                [&] { return cat("compare pid ", pid, " with pid ", sorted_[middle].pid); });
        if (order == 0) {
            if (sorted_[middle].pid != pid)
                sharers_[pid] = sorted_[middle].pid;
            return sorted_[middle].id;
        }
        if (order == 1)
            high = middle;
        else
            low = middle + 1;
    }
    uint32_t id = static_cast<uint32_t>(sorted_.size()) + kDumperId + 1;
    sorted_.insert(sorted_.begin() + static_cast<ptrdiff_t>(low), {pid, id});
    return id;
}

pid_t SharedObjects::sharer(pid_t pid) const
{
    auto found = sharers_.find(pid);
    return found == sharers_.end() ? 0 : found->second;
}

std::vector<size_t> thread_cloners(const std::vector<ThreadTables> &threads, bool shares_files)
{
    std::vector<size_t> out(threads.size());
    std::vector<size_t> apart; // threads that differ from the leader, and it
    for (size_t i = 0; i < threads.size(); i++) {
        if (i && threads[i] == threads[0])
            continue;
        // Directories are reached through descriptors, for which there is no good moment in such a table.
        if (i && shares_files && threads[i].files == threads[0].files)
            refused(
                "a thread has directories of its own, but a descriptor table in common with another process",
                "let the program end one of them before the dump");
        auto known = [&](uint32_t ThreadTables::*kind) {
            return std::any_of(apart.begin(), apart.end(),
                               [&](size_t other) { return threads[other].*kind == threads[i].*kind; });
        };
        bool files_known = known(&ThreadTables::files), fs_known = known(&ThreadTables::fs);
        auto can = [&](size_t other) {
            return (!files_known || threads[other].files == threads[i].files) &&
                   (!fs_known || threads[other].fs == threads[i].fs);
        };
        auto cloner = std::find_if(apart.begin(), apart.end(), can);
        if (i && cloner == apart.end())
            refused("a thread has its descriptor table in common with one thread and its directories with "
                    "another",
                    "let the program end one of them before the dump");
        if (i)
            out[i] = *cloner;
        apart.push_back(i);
    }
    return out;
}

} // namespace cr::task
