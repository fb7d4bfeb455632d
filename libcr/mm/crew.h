// Two threads that do the same work together: copying is bound by one core's speed, and two cores copy nearly
// twice as fast. An error of either ends the work; the first one is thrown to the caller when both are back.
#pragma once

#include <functional>

namespace cr::mm
{

inline constexpr unsigned kCrewSize = 2;

// Runs `work` in kCrewSize threads, the caller's being one.
void together(const std::function<void()> &work);

} // namespace cr::mm
