// The first operations of a restored task: away with what the process that cloned it had, the vDSO to its
// place, and the layout that the kernel keeps beside the areas (code, data, heap, arguments, auxv,
// executable).
//
// The layout comes before any area is mapped: it names the executable, and the kernel lets nobody change that
// while the old one is mapped. It checks no area, so that order is possible.
#include "libcr/mm/restore.h"

#include "libcr/base/text.h"
#include "libcr/mm/check.h"

#include <algorithm>
#include <cstddef>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <tuple>

namespace cr::mm
{

namespace
{

using program::On;

void unmap(task::Build &build, TargetAddr start, TargetAddr end)
{
    build.program.sys(SYS_munmap, {start, end - start}, On::Fail,
                      cat("memory ", hex(start.value), "-", hex(end.value)));
}

// Everything that is not in `keep`. With `present`, gaps that hold none of it are passed over.
void unmap_all_but(task::Build &build, std::vector<Range> keep, const std::vector<Range> *present)
{
    std::sort(keep.begin(), keep.end(), [](const Range &a, const Range &b) { return a.start < b.start; });
    TargetAddr at(0);
    auto next = present ? present->begin() : std::vector<Range>::const_iterator();
    auto gap = [&](TargetAddr end) {
        if (at >= end)
            return;
        if (present) {
            while (next != present->end() && next->end <= at)
                ++next;
            if (next == present->end() || next->start >= end)
                return;
        }
        unmap(build, at, end);
    };
    for (const Range &range : keep) {
        gap(range.start);
        at = std::max(at, range.end);
    }
    gap(TargetAddr(kTaskSize));
}

void move_pieces(task::Build &build, const VdsoPlace &from, const VdsoPlace &to)
{
    for (size_t i = 0; i < from.pieces.size(); i++) {
        const Range &piece = from.pieces[i];
        build.program.sys(
            SYS_mremap,
            {piece.start, piece.size(), piece.size(), MREMAP_MAYMOVE | MREMAP_FIXED, to.pieces[i].start},
            On::Fail, "the vDSO");
    }
}

// mremap refuses ranges that overlap, so then the way leads over the spare place.
void place(task::Build &build, const VdsoPlace &from, const VdsoPlace &to, const Frame &frame)
{
    if (from.empty() || (!to.empty() && from.start() == to.start()))
        return;
    if (to.empty()) {
        unmap(build, from.start(), from.end());
    } else if (from.start() < to.end() && to.start() < from.end()) {
        VdsoPlace spare = from.at(frame.spare);
        move_pieces(build, from, spare);
        move_pieces(build, spare, to);
    } else {
        move_pieces(build, from, to);
    }
}

// With `keep_exe` the executable stays the one there is: the kernel would not replace it while it is mapped.
void set_layout(task::Build &build, const img::mm_entry &mm, const Sources &sources, bool keep_exe)
{
    struct {
        prctl_mm_map map{};
        uint32_t after = 0; // the executable's number is stored as 8 bytes
    } data;
    auto &map = data.map;
    map.start_code = mm.mm_start_code();
    map.end_code = mm.mm_end_code();
    map.start_data = mm.mm_start_data();
    map.end_data = mm.mm_end_data();
    map.start_brk = mm.mm_start_brk();
    map.brk = mm.mm_brk();
    map.start_stack = mm.mm_start_stack();
    map.arg_start = mm.mm_arg_start();
    map.arg_end = mm.mm_arg_end();
    map.env_start = mm.mm_env_start();
    map.env_end = mm.mm_env_end();
    map.auxv_size = static_cast<uint32_t>(mm.mm_saved_auxv_size()) * 8;
    map.exe_fd = ~0u; // none
    program::DataId where = build.region.data(&data, sizeof data);
    program::DataId auxv = build.region.data(mm.mm_saved_auxv().data(), map.auxv_size);
    build.region.point(where, offsetof(prctl_mm_map, auxv), auxv);

    auto set = [&] {
        build.program.sys(SYS_prctl, {PR_SET_MM, PR_SET_MM_MAP, where, sizeof(prctl_mm_map), 0}, On::Fail,
                          "the layout of memory");
    };
    if (keep_exe) {
        set();
        return;
    }
    auto exe = build.fetch(sources.file(mm.exe_file_id()), "the executable");
    build.program.store({where, offsetof(prctl_mm_map, exe_fd)}, exe);
    set();
    build.close(exe);
}

bool same_layout(const img::mm_entry &a, const img::mm_entry &b)
{
    auto fields = [](const img::mm_entry &m) {
        return std::tuple(m.mm_start_code(), m.mm_end_code(), m.mm_start_data(), m.mm_end_data(),
                          m.mm_start_stack(), m.mm_start_brk(), m.mm_brk(), m.mm_arg_start(), m.mm_arg_end(),
                          m.mm_env_start(), m.mm_env_end(), m.exe_file_id());
    };
    return fields(a) == fields(b) && std::equal(a.mm_saved_auxv().begin(), a.mm_saved_auxv().end(),
                                                b.mm_saved_auxv().begin(), b.mm_saved_auxv().end());
}

} // namespace

// Where the process has one for the other kind of code, that has gone, and the kernel maps the right one.
static void make_vdso(task::Build &build, const TaskPlan &plan)
{
    constexpr int kMap32 = 0x2002, kMap64 = 0x2003; // ARCH_MAP_VDSO_32, ARCH_MAP_VDSO_64
    if (!plan.vdso.empty())
        build.program.sys(SYS_arch_prctl, {plan.code_32 ? kMap32 : kMap64, plan.vdso.start()}, On::Fail,
                          "the vDSO");
}

void begin_first(task::Build &build, const TaskPlan &plan, const Frame &frame, const VdsoPlace &vdso,
                 const Sources &sources)
{
    std::vector<Range> keep{frame.region};
    if (!plan.code_32)
        keep.insert(keep.end(), vdso.pieces.begin(), vdso.pieces.end());
    unmap_all_but(build, keep, nullptr);
    if (plan.code_32)
        make_vdso(build, plan);
    else
        place(build, vdso, plan.vdso, frame);
    set_layout(build, *plan.mm, sources, false);
}

void begin_from_cloner(task::Build &build, const TaskPlan &plan, const TaskPlan &cloner, const Frame &frame,
                       const Sources &sources)
{
    const VdsoPlace &vdso = cloner.vdso;
    std::vector<Range> keep{frame.region}, present;
    bool same_code = plan.code_32 == cloner.code_32;
    if (same_code)
        keep.insert(keep.end(), vdso.pieces.begin(), vdso.pieces.end());
    for (const AreaPlan &area : plan.areas)
        if (area.inherited)
            keep.push_back({start_of(*area.vma), end_of(*area.vma)});
    for (const AreaPlan &area : cloner.areas)
        if (area.early)
            present.push_back({start_of(*area.vma), end_of(*area.vma)});
    if (!same_code)
        present.insert(present.end(), vdso.pieces.begin(), vdso.pieces.end());
    std::sort(present.begin(), present.end(),
              [](const Range &a, const Range &b) { return a.start < b.start; });
    unmap_all_but(build, keep, &present);
    if (same_code)
        place(build, vdso, plan.vdso, frame);
    else
        make_vdso(build, plan);
    if (!same_layout(*plan.mm, *cloner.mm))
        set_layout(build, *plan.mm, sources, plan.mm->exe_file_id() == cloner.mm->exe_file_id());
}

} // namespace cr::mm
