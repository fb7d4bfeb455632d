#include "libcr/session/write_watches.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/inject/write_watch.h"
#include "libcr/session/resident.h"

namespace cr::session
{

void WriteWatches::take(inject::FrozenTree &tree, std::span<inject::FrozenTask *const> tasks)
{
    constexpr uint64_t kWorthIt = 16 << 20; // less is copied as fast
    if (request_.dry_run ||
        (!request_.track_mem && (request_.mode == FreezeMode::Copy || !request_.leave_running)))
        return;
    if (sharers_of_.empty())
        for (const inject::FrozenTask &task : tree.tasks())
            sharers_of_[task.memory_of]++;
    for (inject::FrozenTask *task : tasks) {
        if (task->state == inject::FrozenTask::State::Zombie)
            continue;
        // The pages that are never to be held would have to be known of all of them, and who ends first
        // would take the others' memory out of our sight.
        if (sharers_of_[task->memory_of] > 1) {
            log::debug("pid ", task->pid, ": its memory is copied while it stands still, since it shares it");
            continue;
        }
        if (!request_.track_mem && request_.mode == FreezeMode::Auto &&
            private_memory(task->reader()) < kWorthIt)
            continue;
        std::string why;
        Fd fd = inject::take_userfaultfd(*task, tree.waiter(), why);
        if (fd)
            fds_[task->pid] = std::move(fd);
        else
            log::warning(cat("pid ", task->pid,
                             request_.track_mem
                                 ? ": the next dump stores all its memory again, since nobody "
                                   "may keep track of what it writes (userfaultfd: "
                                 : ": its memory is copied while it stands still, since it may "
                                   "not hold back writes (userfaultfd: ",
                             why, ")"));
    }
}

} // namespace cr::session
