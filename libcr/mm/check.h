// Whether an address space in an image makes sense, before anything is made from it. Images are untrusted:
// every number is compared with what it may be, so that the operations built from it later touch nothing but
// the areas of the task. Pure.
#pragma once

#include "libcr/image/pages.h"
#include "mm.pb.h"

#include <cstdint>
#include <functional>

namespace cr::mm
{

// Where user addresses end with four-level page tables.
inline constexpr uint64_t kTaskSize = 0x7ffffffff000;
inline constexpr uint64_t kVsyscall = 0xffffffffff600000;

// Throws an Error of kind Image for what cannot be, Refused for what we do not restore yet. `file_known`
// tells whether the image set has an entry for a file id.
void check_layout(const img::mm_entry &mm, const std::function<bool(uint32_t)> &file_known);
// Runs of a task's pagemap lie in areas that have pages of their own.
void check_pages(const img::mm_entry &mm, const image::Pagemap &pagemap);

} // namespace cr::mm
