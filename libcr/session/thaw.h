// The end of a dump's pipeline: waits until every stage is well, commits, and has the tree let go; or undoes.
//
// The commit is the rename of the inventory. Before it, whatever happens leaves the tree running and a
// directory that no reader accepts. When the tree is to be killed, that is asked for only after the commit;
// should the holder die between the two, the pidfds taken here finish it.
#pragma once

#include "libcr/base/error.h"
#include "libcr/session/holder.h"
#include "session.pb.h"
#include "stats.pb.h"

#include <functional>
#include <string>
#include <vector>

namespace cr::session
{

struct ThawResult {
    img::dump_stats_entry statistics;
    bool partial = false; // stages were missing: good to look at, not to restore
    bool dry_run = false;
};

// What stands in the way of the dump, all of it; each is a sentence of its own.
struct Blocked {
    std::vector<Error> blockers;
};

// With the root task as this machine sees it.
using BeforeCommit = std::function<void(const img::session_hello &, pid_t root)>;

// `in` is the session stream. `before_commit` is run when everything is captured and the tree still held (the
// post-dump hook); it may throw. Throws the failure of the stage that failed first, or Blocked.
ThawResult thaw(int in, Release release, const BeforeCommit &before_commit);

} // namespace cr::session
