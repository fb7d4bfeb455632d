#include "libcr/task/sharing.h"

#include "libcr/base/text.h"

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

} // namespace cr::task
