// Which pages of a task have contents of their own.
//
// An anonymous page counts when it is present or swapped out; one that was only read is the kernel's zero
// page and does not count. In a private file mapping only pages that were written to count; the rest is the
// file. One PAGEMAP_SCAN call walks the whole address space (30,000 areas: 10 ms; one call per area would
// take 35). Asking it which pages are the file's makes it four times slower, so that is asked only for
// private file areas that have pages of their own at all. Kernels before 6.7 have the pagemap file only: 8
// bytes per page, read area by area.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/proc/pid_dir.h"

#include <cstdint>
#include <vector>

namespace cr::mm
{

struct Range {
    TargetAddr start, end;

    uint64_t size() const { return end - start; }
    bool operator==(const Range &) const = default;
};

struct ScanArea {
    Range range;
    bool file = false; // a private file mapping
};

struct Scan {
    std::vector<Range> pages;  // sorted, disjoint, within the areas
    std::vector<Range> large;  // of `pages`, what is on transparent huge pages, as far as the kernel tells
    std::vector<Range> guards; // MADV_GUARD_INSTALL, in any memory; only where the kernel tells
    uint64_t scanned = 0;      // pages looked at
};

// `areas` sorted and disjoint, within `whole`, all of which is searched for guards.
Scan scan_pages(const proc::PidDir &task, Range whole, const std::vector<ScanArea> &areas);

// The same without PAGEMAP_SCAN, as on kernels that have none. The kernel's zero page counts there: nothing
// tells it from others.
Scan scan_entries(const proc::PidDir &task, const std::vector<ScanArea> &areas);

// The parts of `ranges` (sorted, disjoint) that lie in `areas` (sorted, disjoint). Adjacent parts stay apart
// where the ranges or the areas do.
std::vector<Range> intersect(const std::vector<Range> &ranges, const std::vector<Range> &areas);

// The parts of `ranges` that do not lie in `other`; both sorted, disjoint.
std::vector<Range> without(const std::vector<Range> &ranges, const std::vector<Range> &other);

} // namespace cr::mm
