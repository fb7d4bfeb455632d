// What lets cr-dump-mm follow the writes of tasks that run on: a userfaultfd out of each task whose memory is
// to be held back or tracked.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/inject/freeze.h"
#include "libcr/session/freeze.h"

#include <map>
#include <span>
#include <sys/types.h>

namespace cr::session
{

class WriteWatches
{
  public:
    explicit WriteWatches(const FreezeRequest &request) : request_(request) {}

    // Of those of `tasks` where it is wanted and worth it.
    void take(inject::FrozenTree &tree, std::span<inject::FrozenTask *const> tasks);
    // The number of a task's in this process, -1 for none.
    int of(pid_t pid) const
    {
        auto at = fds_.find(pid);
        return at == fds_.end() ? -1 : at->second.get();
    }
    // From then on the death of cr-dump-mm alone ends them.
    void drop() { fds_.clear(); }

  private:
    const FreezeRequest &request_;
    std::map<pid_t, size_t> sharers_of_; // memories, by the first task that has each: how many tasks do
    std::map<pid_t, Fd> fds_;
};

} // namespace cr::session
