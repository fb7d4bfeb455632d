// What the machine and the process that restores offer.
#pragma once

#include "libcr/task/kind.h"

namespace cr::restore
{

task::Host probe_host();

// Puts this process into the state that tasks are cloned from: all signals blocked, as many descriptors as allowed, no
// registered restartable sequence (a task would inherit it, pointing into memory that it has not).
void prepare_to_clone();

} // namespace cr::restore
