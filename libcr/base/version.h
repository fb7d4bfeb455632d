// Our version, here only (the build reads this file), and that of CRIU whose behaviour and images we follow.
#pragma once

namespace cr
{

inline constexpr const char *kVersion = "0.1.0";
inline constexpr const char *kCriuVersion = "4.2";

} // namespace cr
