// What --allow-loss permits to lose: parts of a task that the kernel gives no way to bring back. A dump that
// meets one of them is refused unless it is named.
#pragma once

#include <cstdint>
#include <string_view>

namespace cr
{

inline constexpr uint32_t kLoseKeyrings = 1, kLoseLandlock = 2;

struct LossName {
    std::string_view name;
    uint32_t bit;
};
inline constexpr LossName kLossNames[] = {{"keyrings", kLoseKeyrings}, {"landlock", kLoseLandlock}};

} // namespace cr
