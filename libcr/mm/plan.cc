#include "libcr/mm/plan.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/mm/check.h"
#include "libcr/mm/vdso.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <sys/mman.h>

namespace cr::mm
{

namespace
{

void append(std::vector<Fill> &out, const Fill &fill)
{
    if (!out.empty() && out.back().to + out.back().size == fill.to &&
        out.back().offset + out.back().size == fill.offset && out.back().source == fill.source)
        out.back().size += fill.size;
    else
        out.push_back(fill);
}

// The part of `fills` (sorted) that lies in `ranges` (sorted).
void append_within(std::vector<Fill> &out, const std::vector<Fill> &fills, const std::vector<Range> &ranges)
{
    auto fill = fills.begin();
    for (const Range &range : ranges) {
        while (fill != fills.end() && fill->to + fill->size <= range.start)
            ++fill;
        for (auto f = fill; f != fills.end() && f->to < range.end; ++f) {
            TargetAddr start = std::max(range.start, f->to), end = std::min(range.end, f->to + f->size);
            append(out, {start, end - start, f->offset + (start - f->to), f->source});
        }
    }
}

} // namespace

TaskPlan::TaskPlan(const image::Dir &dir, pid_t pid, const img::mm_entry &mm, image::Pagemap pagemap)
    : dir(&dir), pid(pid), mm(&mm), pagemap(std::move(pagemap))
{
    for (const auto &vma : mm.vmas())
        if (!is_special(vma))
            areas.push_back({&vma, false, false, {}, {}});
}

TaskPlan TaskPlan::read(const image::Dir &dir, pid_t pid, const img::mm_entry &mm)
{
    image::Pagemap pagemap = image::read_pagemap(dir, image::Kind::Pagemap, static_cast<uint64_t>(pid));
    {
        auto describe = [&] { return image::file_name(image::Kind::Pagemap, static_cast<uint64_t>(pid)); };
        Subject subject(describe);
        check_pages(mm, pagemap);
    }
    return TaskPlan(dir, pid, mm, std::move(pagemap));
}

std::vector<Fill> TaskPlan::contents(const img::vma_entry &vma) const
{
    std::vector<Fill> out;
    if (vma.flags() & kMapDroppable) // a dump that had not read its flags yet may have stored some
        return out;
    auto run = std::partition_point(pagemap.runs.begin(), pagemap.runs.end(),
                                    [&](const image::PageRun &r) { return r.end() <= vma.start(); });
    for (; run != pagemap.runs.end() && run->start < vma.end(); ++run) {
        if (!run->present())
            continue;
        uint64_t start = std::max(run->start, vma.start()), end = std::min(run->end(), vma.end());
        out.push_back({TargetAddr(start), end - start, run->offset + (start - run->start), run->source});
    }
    return out;
}

namespace
{

// Empty when it is not in the image.
std::vector<uint8_t> stored_vdso(const TaskPlan &plan, const img::vma_entry &vma)
{
    constexpr uint64_t kLargest = 1 << 20;
    if (size_of(vma) > kLargest)
        bad_image(cat("the vDSO has ", size_of(vma), " bytes"));
    std::vector<Fill> stored = plan.contents(vma);
    if (stored.empty())
        return {};
    std::vector<uint8_t> bytes(size_of(vma));
    std::vector<Fd> pages = plan.open_pages();
    for (const Fill &fill : stored)
        sys::pread_up_to(pages[fill.source].get(), bytes.data() + (fill.to - start_of(vma)), fill.size,
                         fill.offset, "pages");
    return bytes;
}

// Its vDSO and what belongs to it, as ordinary memory.
void keep_as_memory(TaskPlan &plan)
{
    for (const auto &vma : plan.mm->vmas()) {
        if (!has(vma, kVmaVdso) && !has(vma, kVmaVvar))
            continue;
        img::vma_entry &kept = plan.as_memory.emplace_back(vma);
        kept.set_status(kVmaRegular | kVmaAnonPrivate);
        kept.set_flags(MAP_PRIVATE | MAP_ANONYMOUS);
        kept.set_madv(0);
        plan.areas.push_back({&kept, false, false, {}, {}});
    }
    std::sort(plan.areas.begin(), plan.areas.end(),
              [](const AreaPlan &a, const AreaPlan &b) { return start_of(*a.vma) < start_of(*b.vma); });
}

} // namespace

void decide_vdso(TaskPlan &plan, const VdsoPlace &host, std::span<const uint8_t> code)
{
    const img::vma_entry *vdso = nullptr;
    bool any = false;
    for (const auto &vma : plan.mm->vmas()) {
        any |= has(vma, kVmaVdso) || has(vma, kVmaVvar);
        if (has(vma, kVmaVdso))
            vdso = &vma;
    }
    if (!any)
        return;
    if (host.empty())
        refused("the program uses a vDSO and this kernel has none");
    if (!vdso)
        refused("the program has only a part of [vvar] and [vdso], which is not supported yet");
    std::vector<uint8_t> bytes = stored_vdso(plan, *vdso);
    auto place = same_place(*plan.mm, host);
    if (place && (bytes.empty() || same_vdso(bytes, code))) {
        plan.vdso = *place;
        return;
    }
    if (bytes.empty())
        refused("this kernel's vDSO has another size or order than the one the program ran with, whose "
                "contents are "
                "not in the image",
                "restore under the kernel version of the dump");
    Range old{start_of(*vdso), end_of(*vdso)};
    plan.vdso = place_beside(*plan.mm, old, host, plan.code_32);
    plan.jumps = jumps_to_host(bytes, old.start, code, plan.vdso.vdso.start);
    keep_as_memory(plan);
}

void decide_fills(TaskPlan &plan)
{
    // Starting two threads and waiting at a barrier costs as much as reading this alone.
    constexpr uint64_t kOutside = 8 << 20;
    plan.early = plan.late = {};
    for (const AreaPlan &area : plan.areas) {
        if (has(*area.vma, kVmaAioRing)) // see aio.h
            continue;
        if (area.inherited) {
            append_within(plan.early.fills, plan.contents(*area.vma), area.differing);
            continue;
        }
        for (const Fill &fill : plan.contents(*area.vma))
            append((area.early ? plan.early : plan.late).fills, fill);
    }
    for (TaskPlan::Part *part : {&plan.early, &plan.late}) {
        uint64_t bytes = 0;
        bool deep = false; // where the task itself does not get by one path
        for (const Fill &fill : part->fills) {
            bytes += fill.size;
            deep |= plan.pagemap.sources[fill.source].depth > image::kDeepestPath;
        }
        part->outside = deep || bytes > kOutside;
    }
}

} // namespace cr::mm
