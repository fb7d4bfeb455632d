// The making of what a plan says: the opener, the tasks, their programs, the last step and the release.
#pragma once

#include "libcr/restore/plan.h"
#include "libcr/restore/restore.h"

namespace cr::restore
{

// One attempt. Throws when anything cannot be made; nothing is left behind then, and the plan can be executed
// again.
RestoreResult execute(const RestoreRequest &request, Plan &plan, plugin::Plugins &plugins);

} // namespace cr::restore
