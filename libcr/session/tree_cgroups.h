// Control groups of the tree that is being dumped: the one that freezes it, who is in which, and their image.
#pragma once

#include "libcr/image/dir.h"
#include "libcr/inject/freeze.h"
#include "libcr/ns/cgroup_dump.h"
#include "libcr/ns/freezer.h"
#include "libcr/session/blockers.h"

#include <memory>
#include <string>

namespace cr::session
{

struct FreezeRequest;

class TreeCgroups
{
  public:
    explicit TreeCgroups(const FreezeRequest &request);

    // Freezes the tree where that was asked for, or finds that it is frozen already; has it thawed when it is
    // held, and set back before it is let go.
    void freeze(inject::FreezeOptions &options);
    // Looks where all threads are; adds what cannot be kept.
    void look(inject::FrozenTree &tree, BlockersFound &found);
    // Nothing when all of the tree is where we are.
    void write(const image::Dir &images) const;

  private:
    bool ignored() const;
    const FreezeRequest &request_;
    std::string own_; // our cgroup file
    ns::CgroupSets sets_;
    std::unique_ptr<ns::Freezer> freezer_;
};

} // namespace cr::session
