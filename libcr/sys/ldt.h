// The local descriptor table of a process, modify_ldt(2): its entries are the CPU's own descriptors, 8 bytes
// each.
#pragma once

#include <cstddef>

namespace cr::sys
{

inline constexpr int kReadLdt = 0, kWriteLdt = 0x11;
inline constexpr size_t kLdtEntries = 8192, kLdtEntrySize = 8;

} // namespace cr::sys
