// Memory policies, set_mempolicy(2) and mbind(2), as numbers. The headers of libnuma are not needed for them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cr::sys
{

inline constexpr uint32_t kPolicyDefault = 0, kPolicyPreferred = 1, kPolicyBind = 2, kPolicyInterleave = 3,
                          kPolicyLocal = 4, kPolicyPreferredMany = 5, kPolicyWeightedInterleave = 6;
inline constexpr uint32_t kPolicyBalancing = 1 << 13, kPolicyRelativeNodes = 1 << 14,
                          kPolicyStaticNodes = 1 << 15;
inline constexpr uint32_t kPolicyFlags = kPolicyBalancing | kPolicyRelativeNodes | kPolicyStaticNodes;

// The most nodes that Linux can be built for; masks have as many bits. (A call that sets one takes the number
// plus one.)
inline constexpr size_t kMaxNodes = 1024;

} // namespace cr::sys
