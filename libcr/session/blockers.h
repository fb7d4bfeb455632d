// Everything that is in the way of dumping a frozen tree, over facts of /proc only: no code has run in a
// task. The whole list is made, not its first entry, and every kind answers for itself.
#pragma once

#include "libcr/base/error.h"
#include "libcr/files/blockers.h"
#include "libcr/session/freeze.h"
#include "libcr/task/sharing.h"

#include <map>
#include <vector>

namespace cr::inject
{
class FrozenTree;
}
namespace cr::sys
{
class EndSignals;
}
namespace cr::task
{
class KernelSource;
}

namespace cr::session
{

struct BlockersFound {
    std::vector<Error> blockers;
    std::map<pid_t, task::ObjectIds> ids;      // of what processes may share; none for a zombie
    std::map<pid_t, task::ThreadTables> apart; // threads that have not those of their process
    std::vector<files::OuterConnection> connections;
    std::map<pid_t, uint32_t> cgroup_sets;     // of threads, by tree_cgroups.h; empty when they are ignored
};

// Throws when one of the signals has come while it waits.
BlockersFound find_blockers(inject::FrozenTree &tree, const FreezeRequest &request,
                            task::KernelSource &kernel, plugin::Plugins &plugins,
                            const sys::EndSignals &signals);

} // namespace cr::session
