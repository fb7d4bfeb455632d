// A cgroup that stops all tasks in it at once (--freeze-cgroup), so that no tree can grow while it is seized:
// freezer.state of version 1, cgroup.freeze of version 2.
//
// Code cannot run in frozen tasks, so one is thawed again when all of its tasks are held by ptrace, and what
// was frozen before the dump is frozen again before they are let go. A process beside us sees to both should
// we be killed.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/ns/cgroup_dump.h"
#include "libcr/proc/cgroups.h"
#include "libcr/sys/watcher.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cr::ns
{

class Freezer
{
  public:
    // Throws when the directory at `path` is none that freezes.
    explicit Freezer(const std::string &path);
    // `name` is for messages.
    Freezer(Fd dir, std::string name);
    ~Freezer(); // as it was before
    Freezer(const Freezer &) = delete;
    Freezer &operator=(const Freezer &) = delete;

    bool was_frozen() const { return was_frozen_; }
    bool is_frozen_from_above() const;
    // All tasks in it stand when it returns. Throws when they do not in time, and then they run on; also when
    // one above keeps it frozen, which thaw() could not help.
    void freeze(std::chrono::milliseconds timeout);
    // Its tasks are held otherwise.
    void thaw();
    // As it was before.
    void set_back();

    // What the image has to say of it.
    CgroupOverride before() const;

  private:
    bool is(bool frozen) const;
    long set(bool frozen) const;
    void refuse_frozen_from_above() const;

    Fd dir_;
    std::string name_;
    bool version_2_ = false, was_frozen_ = false, changed_ = false;
    std::unique_ptr<sys::Watcher> watcher_;
};

// The frozen cgroup that a task is in; null when there is none, or none can be seen. `own` are our places,
// where nothing is frozen.
std::unique_ptr<Freezer> freezer_of(const std::vector<proc::Cgroup> &task,
                                    const std::vector<proc::Cgroup> &own, const std::string &yard);

} // namespace cr::ns
