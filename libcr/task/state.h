// Values of task_core_entry.task_state, CRIU's.
#pragma once

#include <cstdint>

namespace cr::task
{

inline constexpr uint32_t kAlive = 1, kDead = 2, kStopped = 3;

} // namespace cr::task
