// Control groups on a restore: directories are made before there are tasks, the root is put in its places
// before it runs, and whoever is elsewhere than its parent at its birth, so that all that tasks use is counted
// where it belongs. What a failed or killed restore has made is removed again.
#pragma once

#include "cgroup.pb.h"
#include "libcr/base/fd.h"
#include "libcr/ns/cgroup_options.h"
#include "libcr/proc/cgroups.h"
#include "libcr/sys/watcher.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::ns
{

// One directory of one hierarchy, and what is to be done to it.
struct CgroupDirectory {
    std::string controllers, path;
    const img::cgroup_dir_entry *entry = nullptr; // none: only on the way to others, or not in the image
};

// Pure: what the image asks for, with other roots put in, all names checked.
class CgroupPlan
{
  public:
    CgroupPlan() = default;
    // `home` is the set of whoever dumped: those in it stay where their restorer is. `used`: the sets of all
    // tasks and threads. Throws Error (Image) for references and names that cannot be.
    CgroupPlan(img::cgroup_entry image, uint32_t home, const std::set<uint32_t> &used,
               const CgroupOptions &options);

    bool empty() const { return sets.empty(); }

    std::map<uint32_t, std::vector<proc::Cgroup>> sets; // but for home
    std::vector<CgroupDirectory> directories;           // parents first

  private:
    void add_directory(const std::string &controllers, const std::string &path,
                       const img::cgroup_dir_entry &entry);
    void add_path(const std::string &controllers, const std::string &path,
                  const img::cgroup_dir_entry *entry);
    std::set<std::pair<std::string, std::string>> known_;
    std::shared_ptr<img::cgroup_entry> image_; // what `directories` point into
};

class CgroupRestore
{
  public:
    // `taken`: pids that the process which removes what we made must not have. Makes nothing yet.
    CgroupRestore(const CgroupPlan &plan, const CgroupOptions &options, const std::set<pid_t> &taken);
    ~CgroupRestore(); // removes what was made, unless kept
    CgroupRestore(const CgroupRestore &) = delete;
    CgroupRestore &operator=(const CgroupRestore &) = delete;

    void make();
    // Puts a process, which was born in `from` (0: where we are), into `set`; or one thread, whose process is
    // in `from`.
    void enter(pid_t id, uint32_t from, uint32_t set, bool thread = false);
    void keep();
    // What stops tasks (freezers), when they have been let go.
    void freeze();

    // Of the process beside us; 0 when there is none.
    pid_t watcher() const { return watcher_ ? watcher_->pid() : 0; }

  private:
    bool is_ours(const CgroupDirectory &directory) const;
    const Fd &root_of(const std::string &controllers);
    Fd open_directory(const std::string &controllers, const std::string &path);
    const std::vector<proc::Cgroup> &places_of(uint32_t set) const;
    bool make_directory(size_t number);
    void put_properties(const CgroupDirectory &directory, bool fresh);
    void put_property(const CgroupDirectory &directory, int dir, const img::cgroup_prop_entry &property);
    void move(const proc::Cgroup &place, pid_t id, bool thread);
    void remove_made() const;

    const CgroupPlan &plan_;
    const CgroupOptions &options_;
    std::vector<proc::Cgroup> own_;
    std::map<std::string, Fd> roots_; // by controllers
    unsigned char *made_ = nullptr;   // of each directory of the plan; shared with the watcher
    std::unique_ptr<sys::Watcher> watcher_;
    struct Frozen {
        std::string controllers, path, property, value;
    };
    std::vector<Frozen> frozen_; // still to be
    bool kept_ = false;
};

} // namespace cr::ns
