// Everything about a restore that is known before anything is made: images read and checked, who is born of
// whom, files, memory, and, once the numbers of the opener are known, the programs.
#pragma once

#include "libcr/files/plan.h"
#include "libcr/ns/cgroup_restore.h"
#include "libcr/restore/images.h"
#include "libcr/restore/memory.h"
#include "libcr/restore/programs.h"
#include "libcr/restore/restore.h"
#include "libcr/task/births.h"
#include "libcr/task/kind.h"

#include <memory>
#include <optional>

namespace cr::restore
{

struct Plan {
    ImageSet images;
    task::BirthPlan births;
    std::optional<files::Plan> files;
    MemoryPlan memory;
    task::Host host;
    ns::CgroupPlan cgroups;
};

// Reads and checks the whole image set. Throws when it makes no sense or cannot be restored here.
// `plugins` may be started later; null: none will be.
std::unique_ptr<Plan> make_plan(const RestoreRequest &request, plugin::Plugins *plugins);

// Places the region of the programs and builds them into it.
void build(Plan &plan, const Surroundings &surroundings, Programs &out);

} // namespace cr::restore
