#include "libcr/mm/place.h"

#include "libcr/mm/check.h"
#include "libcr/mm/vma.h"

#include <algorithm>

namespace cr::mm
{

std::optional<TargetAddr> free_range(std::span<const img::mm_entry *const> spaces,
                                     std::span<const Range> taken, uint64_t size, TargetAddr end)
{
    constexpr TargetAddr kLowest(1 << 20); // well above vm.mmap_min_addr
    constexpr TargetAddr kHighest(kTaskSize - (1 << 20));
    std::vector<Range> used(taken.begin(), taken.end());
    for (const img::mm_entry *space : spaces) {
        for (const auto &vma : space->vmas())
            used.push_back({start_of(vma), end_of(vma)});
        // The heap may be empty now and still grow from here.
        used.push_back(
            {TargetAddr(page_down(space->mm_brk())), TargetAddr(page_down(space->mm_brk())) + kPageSize});
    }
    std::sort(used.begin(), used.end(), [](const Range &a, const Range &b) { return a.start < b.start; });

    TargetAddr free = kLowest;
    Range best{kLowest, kLowest};
    auto gap = [&](TargetAddr end) {
        if (end > free && end - free > best.size())
            best = {free, end};
    };
    for (const Range &range : used) {
        gap(std::min(range.start, std::min(end, kHighest)));
        free = std::max(free, range.end);
    }
    gap(std::min(end, kHighest));
    if (best.size() < size)
        return std::nullopt;
    // Close to what is there, whose page tables it then shares: to make some of its own, and to free them, costs each task
    // more than all that it does in the range. Not so close that an area could grow into it.
    constexpr uint64_t kMargin = 16 << 20;
    if (best.size() > size + 2 * kMargin)
        return TargetAddr(page_down(best.end.value - kMargin - size));
    return TargetAddr(page_down(best.start.value + (best.size() - size) / 2));
}

} // namespace cr::mm
