// A dump that continues an earlier one, and one that another will continue.
//
// What the kernel notes about a task's writes goes with the descriptors that it was asked by. Between two
// dumps a process of ours, the tracker, holds them: it sleeps until the tasks have ended. The inventory says
// which process it is and which tasks it is for, all with the time when they started, so that a reused pid is
// nobody. When the tracker has died, or anything is not as recorded, the next dump stores everything.
//
// A dump that begins to track ends the tracker of the dump that it continues. So one that is alive has seen
// everything since its own dump.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "libcr/mm/tracker.h"
#include "session.pb.h"

#include <map>
#include <mutex>
#include <optional>

namespace cr::session
{

class Tracking
{
  public:
    Tracking(const img::session_hello &hello, const image::Dir &images);

    // When the tree stands still and can be dumped: the earlier tracker ends here.
    void begin();
    const image::Dir *parent() const { return parent_ ? &*parent_ : nullptr; }
    // The task's memory is in the parent directory, and its tracker lives.
    bool continues(pid_t pid) const { return earlier_.count(pid) != 0; }
    // `fresh`: a userfaultfd of the task, empty when it may not have one. Null when there is nothing to
    // track.
    std::unique_ptr<mm::Tracker> tracker_of(pid_t pid, Fd fresh);
    void keep(pid_t pid, mm::Watch watch);
    // Starts the tracker for all that was given to keep; nothing when that is nothing.
    std::optional<img::cr_tracker_entry> start();

  private:
    void find_earlier(const img::inventory_entry &inventory);

    const img::session_hello &hello_;
    const image::Dir &images_;
    std::optional<image::Dir> parent_;
    bool begun_ = false;
    std::map<pid_t, mm::Watch> earlier_;
    std::mutex mutex_;
    std::map<pid_t, mm::Watch> kept_;
};

} // namespace cr::session
