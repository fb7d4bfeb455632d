// Freeing pages that nobody needs any more: holes punched into pages files. The files keep their size, so no
// pagemap changes; what was freed reads as zeros. The directory that a page was taken from cannot be restored
// by itself afterwards.
#pragma once

#include "libcr/image/dir.h"

#include <cstdint>

namespace cr::image
{

// Frees in every parent of `dir`, however far, the pages that it or a parent in between stores again. Returns
// how many pages that were.
uint64_t free_superseded(const Dir &dir);

// Frees all pages of tasks and shared memory that a restore of `dir` reads, in it and in its parents.
uint64_t free_contents(const Dir &dir);

} // namespace cr::image
