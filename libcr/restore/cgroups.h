// The tree's control groups: which task is in which by the images, and at which moments each is put there.
#pragma once

#include "libcr/ns/cgroup_restore.h"
#include "libcr/restore/images.h"
#include "libcr/restore/tracees.h"
#include "libcr/task/births.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace cr::restore
{

ns::CgroupPlan plan_cgroups(const ImageSet &images, const ns::CgroupOptions &options);

class Cgroups
{
  public:
    Cgroups(const ns::CgroupPlan &plan, const ns::CgroupOptions &options, const ImageSet &images,
            const task::BirthPlan &births, const std::set<pid_t> &wanted);

    // Makes the directories; the root goes into its own before it is let start, the others at their births.
    void make() { groups_.make(); }
    void follow(Tracees &tracees, pid_t root);
    // Threads that are elsewhere than their process.
    void put_threads(const ImageSet &images);
    void keep() { groups_.keep(); }
    void freeze() { groups_.freeze(); }

  private:
    struct Step {
        uint32_t from, set;
    };
    void enter(pid_t pid);
    std::map<pid_t, Step> steps_; // of those born elsewhere than they belong
    ns::CgroupRestore groups_;
};

} // namespace cr::restore
