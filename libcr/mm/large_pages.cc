#include "libcr/mm/large_pages.h"

#include "libcr/base/text.h"
#include "libcr/mm/page_buffer.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

constexpr uint64_t kLarge = PageBuffer::kLargePage;
constexpr int kPopulateWrite = 23, kCollapse = 25; // MADV_*

bool may_have_large(const AreaPlan &area, bool early)
{
    return !area.inherited && area.early == early && has(*area.vma, kVmaAnonPrivate) && !is_huge(*area.vma);
}

// Whole large pages within.
Range whole(Range range)
{
    uint64_t start = (range.start.value + kLarge - 1) / kLarge * kLarge, end = range.end.value / kLarge * kLarge;
    return {TargetAddr(start), TargetAddr(std::max(start, end))};
}

std::vector<Range> stored_large(const TaskPlan &plan)
{
    std::vector<Range> out;
    for (const img::memory_range &range : plan.mm->cr_large().ranges())
        out.push_back({TargetAddr(range.start()), TargetAddr(range.end())});
    return out;
}

bool by_first_touch(const TaskPlan &plan, const img::vma_entry &vma)
{
    if (vma.madv() & (1ull << MADV_NOHUGEPAGE))
        return false;
    return plan.large == LargePages::Always ||
           (plan.large == LargePages::Advised && vma.madv() & (1ull << MADV_HUGEPAGE));
}

// Whether something that was on small pages would get a large one.
bool must_be_off(const TaskPlan &plan, bool early)
{
    if (!plan.mm->has_cr_large())
        return false; // the image does not say
    std::vector<Range> large = stored_large(plan);
    for (const AreaPlan &area : plan.areas) {
        if (!may_have_large(area, early) || !by_first_touch(plan, *area.vma))
            continue;
        // Seen together with its neighbours it may have room for one.
        if (plan.large == LargePages::Always)
            return true;
        std::vector<Range> stored;
        for (const Fill &fill : plan.contents(*area.vma))
            stored.push_back({fill.to, fill.to + fill.size});
        Range inside = whole({start_of(*area.vma), end_of(*area.vma)});
        if (!without(intersect(stored, {inside}), large).empty())
            return true;
    }
    return false;
}

// The large pages in which something is stored. Nothing else is asked for: images are not trusted.
std::vector<Range> with_contents(const TaskPlan &plan, const img::vma_entry &vma)
{
    std::vector<Range> out;
    for (const Fill &fill : plan.contents(vma)) {
        TargetAddr start(fill.to.value / kLarge * kLarge),
            end((fill.to.value + fill.size + kLarge - 1) / kLarge * kLarge);
        if (!out.empty() && start <= out.back().end)
            out.back().end = std::max(out.back().end, end);
        else
            out.push_back({start, end});
    }
    return out;
}

// Of what was on large pages, the parts in areas with this `early`.
template <class Take> void for_large(const TaskPlan &plan, bool early, const Take &take)
{
    std::vector<Range> large = stored_large(plan);
    if (large.empty())
        return;
    for (const AreaPlan &area : plan.areas)
        if (may_have_large(area, early))
            for (const Range &part : intersect(intersect(large, {{start_of(*area.vma), end_of(*area.vma)}}),
                                               with_contents(plan, *area.vma)))
                if (Range range = whole(part); range.size())
                    take(*area.vma, range);
}

void switch_off(task::Build &build, bool off)
{
    build.program.sys(SYS_prctl, {PR_SET_THP_DISABLE, off, 0, 0, 0}, program::On::Fail, "large pages");
}

void advise(task::Build &build, const Range &range, int advice)
{
    build.program.sys(SYS_madvise, {range.start, range.size(), advice}, program::On::Ignore,
                      cat("large pages ", hex(range.start.value), "-", hex(range.end.value)));
}

} // namespace

LargePages large_pages()
{
    long fd = sys::try_open_at(AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? LargePages::Never : LargePages::Advised;
    Fd file(static_cast<int>(fd));
    char text[64];
    long n = sys::call(SYS_read, file.get(), text, sizeof text);
    std::string_view setting(text, n > 0 ? static_cast<size_t>(n) : 0);
    if (setting.find("[always]") != std::string_view::npos)
        return LargePages::Always;
    return setting.find("[never]") != std::string_view::npos ? LargePages::Never : LargePages::Advised;
}

void before_map(task::Build &build, const TaskPlan &plan, bool early)
{
    if (must_be_off(plan, early))
        switch_off(build, true);
}

void before_fill(task::Build &build, const TaskPlan &plan, bool early)
{
    if (!must_be_off(plan, early))
        return;
    bool on = false;
    for_large(plan, early, [&](const img::vma_entry &vma, const Range &range) {
        if (!by_first_touch(plan, vma))
            return;
        if (!on)
            switch_off(build, false);
        on = true;
        advise(build, range, kPopulateWrite);
    });
    if (on)
        switch_off(build, true);
}

void after_fill(task::Build &build, const TaskPlan &plan, bool early)
{
    if (must_be_off(plan, early))
        switch_off(build, false);
    for_large(plan, early, [&](const img::vma_entry &vma, const Range &range) {
        if (!by_first_touch(plan, vma))
            advise(build, range, kCollapse);
    });
}

} // namespace cr::mm
