// Which pages of a task are there: the PAGEMAP_SCAN ioctl of /proc/PID/pagemap (Linux 6.7), and the layout of
// the file itself for kernels without it. Source: Documentation/admin-guide/mm/pagemap.rst,
// include/uapi/linux/fs.h of Linux 6.18; the headers of Debian 12 do not have the ioctl yet.
#pragma once

#include "libcr/sys/gate.h"

#include <cstdint>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::sys
{

struct PageRegion {
    uint64_t start, end, categories;
};

struct PagemapScan {
    uint64_t size = sizeof(PagemapScan);
    uint64_t flags = 0;
    uint64_t start = 0, end = 0;
    uint64_t walk_end =
        0; // out. TRAP: less than `end` also when all was seen; go on only when vec was filled
    uint64_t vec = 0, vec_len = 0;
    uint64_t max_pages = 0;
    uint64_t category_inverted = 0, category_mask = 0, category_anyof_mask = 0, return_mask = 0;
};
static_assert(sizeof(PagemapScan) == 96);

inline constexpr uint64_t kPageIsWpAllowed = 1 << 0, kPageIsWritten = 1 << 1, kPageIsFile = 1 << 2,
                          kPageIsPresent = 1 << 3, kPageIsSwapped = 1 << 4, kPageIsPfnZero = 1 << 5,
                          kPageIsHuge = 1 << 6, kPageIsSoftDirty = 1 << 7, kPageIsGuard = 1 << 8;

// The number of regions, or -errno; -ENOTTY where the kernel lacks it.
inline long pagemap_scan(int pagemap_fd, PagemapScan &scan)
{
    return call(SYS_ioctl, pagemap_fd, _IOWR('f', 16, PagemapScan), &scan);
}

// One entry (8 bytes per page, at address / 4096 * 8) of /proc/PID/pagemap.
inline constexpr uint64_t kEntryPresent = 1ull << 63, kEntrySwapped = 1ull << 62, kEntryFile = 1ull << 61,
                          kEntryGuard = 1ull << 58, kEntryExclusive = 1ull << 56, kEntrySoftDirty = 1ull << 55;

// Whether this kernel has soft-dirty bits at all; one without lets them be cleared, and shows none ever.
bool keeps_soft_dirty();

} // namespace cr::sys
