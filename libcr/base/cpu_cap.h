// What --cpu-cap asks for, in the bits that CRIU's RPC has for it.
#pragma once

#include <cstdint>

namespace cr
{

inline constexpr uint32_t kCpuFpu = 1;   // the parts of floating point state that there are
inline constexpr uint32_t kCpuAll = 2;   // every feature, those that programs cannot use included
inline constexpr uint32_t kCpuIns = 4;   // the instructions that programs can use
inline constexpr uint32_t kCpuImage = 8; // write or read the cpuinfo image at all
inline constexpr uint32_t kCpuDefault = kCpuFpu | kCpuIns;
inline constexpr uint32_t kCpuEverything = kCpuFpu | kCpuAll | kCpuIns;

} // namespace cr
