// Where something of ours can lie that must not be in the way of any task: the region with the programs,
// while the tasks' memory is being put together around it.
#pragma once

#include "libcr/mm/scan.h"
#include "mm.pb.h"

#include <optional>
#include <span>

namespace cr::mm
{

// The middle of the largest range that is free in all of `spaces` and outside of `taken`, so that stacks and
// heaps next to it keep room to grow. Nothing when no gap holds `size` bytes.
std::optional<TargetAddr> free_range(std::span<const img::mm_entry *const> spaces,
                                     std::span<const Range> taken, uint64_t size,
                                     TargetAddr end = TargetAddr(UINT64_MAX)); // below that

} // namespace cr::mm
