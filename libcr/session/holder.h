// The holder's side of a session: cr-freeze after it has captured the tree. It waits until cr-thaw says how
// the tree is to be let go, and undoes everything when anybody it depends on is gone.
//
// Which ends there are, and who may die when:
//   1. a stage, the reader of our stream, or cr-thaw before the commit: the tree is resumed, no inventory.
//   2. cr-thaw tells its intent, then renames the inventory into place (the commit), then asks for the
//   release.
//      Should it die in between, the inventory is there and we finish the intent.
//   3. we ourselves: the kernel detaches every task, which goes on; cr-thaw, which has pidfds of all tasks,
//      ends them when it had committed to a kill.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "libcr/session/progress.h"
#include "session.pb.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace cr::session
{

enum class Release : uint32_t { Kill = 1, Resume = 2, Stop = 3 };

// Lets the tree go; how long it was held, in microseconds.
using LetGo = std::function<uint64_t(Release)>;

class Holder
{
  public:
    // Makes the session socket; fd() goes into the hello.
    Holder();
    int fd() const { return theirs_.get(); }
    // A socket of the packet filter, which the network lock is to live as long as.
    int open_lock();
    void end_lock() { lock_.reset(); }

    // In which the pipeline must have been set up, up to cr-thaw at its end.
    void expect_pipeline(std::chrono::milliseconds limit) { pipeline_limit_ = limit; }
    // Before the freeze of a tree that is to stand still for as short as possible: until all stages have
    // started and have made what they can make beforehand. What goes wrong meanwhile is serve()'s to find.
    void wait_for_pipeline(int out);
    // How long a tree may be held while no stage does anything. At least a minute.
    void be_patient(std::chrono::seconds longest)
    {
        patience_us_ = std::max<uint64_t>(patience_us_, static_cast<uint64_t>(longest.count()) * 1'000'000);
    }
    // Serves until the tree was let go by `let_go`. True when that was what cr-thaw asked for, false when the
    // session was undone (then let_go got Resume); `why` says why. `out` is watched: its reader must live.
    // `committed` says whether the inventory of this very session is in place, so that the tree is to be let
    // go as it was said before; it may throw, which undoes the session.
    using Committed = std::function<bool(Release)>;
    bool serve(int out, const LetGo &let_go, const Committed &committed,
               const std::function<std::string()> &tree_trouble, std::string &why);

  private:
    enum class Step { Wait, Released, Undo };
    Step hear(const LetGo &let_go, std::string &why);

    bool to_be_finished(const Committed &committed) const;

    Fd ours_, theirs_, signals_, lock_;
    std::string patience_ends(uint64_t begin_us);

    std::vector<std::pair<pid_t, Fd>> watched_;
    Progress progress_; // of the same
    uint64_t patience_us_ = 60'000'000;
    std::chrono::milliseconds pipeline_limit_{30000};
    uint32_t intent_ = 0;
    bool pipeline_stands_ = false, collected_ = false;
};

} // namespace cr::session
