// Control groups on a dump: the distinct sets of places in all hierarchies that tasks and threads have, by
// number, and the directories that they are in, with what is below them, their properties and owners.
#pragma once

#include "cgroup.pb.h"
#include "libcr/ns/cgroup_options.h"
#include "libcr/proc/cgroups.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cr::ns
{

// What a control file is to say in the image where it says something else for the time of the dump.
struct CgroupOverride {
    uint64_t inode = 0; // of the directory
    std::string property, value;
};

class CgroupSets
{
  public:
    static constexpr uint32_t kOwn = 1; // of whoever dumps: a tree in it comes back in its restorer's

    // `text` of our own cgroup file.
    explicit CgroupSets(const std::string &text) { id_of(text); }

    // The number of the set that the text of a cgroup file tells.
    uint32_t id_of(const std::string &text);
    // Throws (Refused) when a set is outside of what we see.
    static void check(const std::string &text);

    bool only_own() const { return sets_.size() == 1; }
    const std::vector<std::vector<proc::Cgroup>> &sets() const { return sets_; }

  private:
    std::map<std::string, uint32_t> ids_;
    std::vector<std::vector<proc::Cgroup>> sets_; // [number - 1]
};

img::cgroup_entry dump_cgroups(const CgroupSets &sets, const CgroupOptions &options,
                               const CgroupOverride &frozen);

} // namespace cr::ns
