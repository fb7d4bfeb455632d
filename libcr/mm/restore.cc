#include "libcr/mm/restore.h"

#include "libcr/base/text.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/large_pages.h"
#include "libcr/mm/ldt.h"
#include "libcr/sys/numa.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>

namespace cr::mm
{

namespace
{

using program::On;
using program::OpId;
using Vma = img::vma_entry;

std::string name_of(const Vma &vma) { return cat("memory ", hex(vma.start()), "-", hex(vma.end())); }

// What an area is mapped with at first: writable when it is to be filled, or when it once was and therefore
// counts as committed memory.
uint32_t first_prot(const TaskPlan &plan, const Vma &vma)
{
    if (has(vma, kVmaAioRing)) // as io_setup maps it
        return PROT_READ | PROT_WRITE;
    bool written =
        (vma.cr_flags() & kVmaAccounted) || (has_private_pages(vma) && !plan.contents(vma).empty());
    return vma.prot() | (written ? PROT_WRITE : 0u);
}

// Two areas side by side that the kernel would make one, if it were asked for both.
bool would_merge(const Vma &a, const Vma &b)
{
    return a.end() == b.start() && a.prot() == b.prot() && a.flags() == b.flags() && a.madv() == b.madv() &&
           same_extras(a, b) && (a.status() & b.status() & kVmaAnonPrivate) && !is_huge(a);
}

// One call to mmap: an area, or several of private anonymous memory side by side that begin alike.
struct Mapping {
    uint64_t start = 0, end = 0, offset = 0;
    uint32_t prot = 0, flags = 0;
    uint64_t advice = 0; // what concerns how it will be filled
    bool apart = false;  // must not become one with its neighbours

    bool goes_on_with(const Mapping &next) const
    {
        return end == next.start && prot == next.prot && flags == next.flags && advice == next.advice &&
               (flags & MAP_ANONYMOUS) && !apart && !next.apart;
    }
};

class Mapper
{
  public:
    Mapper(task::Build &build, const TaskPlan &plan, const Sources &sources)
        : build_(build), plan_(plan), sources_(sources)
    {
    }

    // Areas that are not inherited and have this `early`.
    void map(bool early);
    void change_inherited();
    void fill(std::vector<Fill> fills);
    OpId open_pages(OpId dir, uint32_t source);
    void fill_from(OpId pages, std::span<const Fill> fills);

  private:
    Mapping mapping(size_t area, bool early) const;
    void map(const Mapping &mapping, program::Value fd);
    void map_apart(const Mapping &mapping, const std::string &name);
    void attach_segments(bool early);
    void describe(const Vma &vma);
    void preadv(OpId pages, const std::vector<iovec> &to, uint64_t bytes, uint64_t offset);

    task::Build &build_;
    const TaskPlan &plan_;
    const Sources &sources_;
};

Mapping Mapper::mapping(size_t i, bool early) const
{
    const auto &areas = plan_.areas;
    const Vma &vma = *areas[i].vma;
    Mapping out{vma.start(),
                vma.end(),
                vma.pgoff(),
                first_prot(plan_, vma),
                (vma.flags() & ~uint32_t{MAP_LOCKED}) | MAP_FIXED_NOREPLACE,
                vma.madv() & (1ull << MADV_HUGEPAGE | 1ull << MADV_NOHUGEPAGE),
                false};
    if (has(vma, kVmaAnonShared)) // comes from a descriptor, see shared.h
        out.flags &= ~(uint32_t{MAP_ANONYMOUS} | kMapHugetlb | kHugeBits);
    // In rising order, so the one below is there already, and the one above when it belongs to the early
    // part.
    out.apart = (i > 0 && would_merge(*areas[i - 1].vma, vma)) ||
                (!early && i + 1 < areas.size() && areas[i + 1].early && would_merge(vma, *areas[i + 1].vma));
    return out;
}

void Mapper::map(const Mapping &m, program::Value fd)
{
    std::string name = cat("memory ", hex(m.start), "-", hex(m.end));
    if (m.apart)
        map_apart(m, name);
    else
        build_.program.sys(SYS_mmap, {m.start, m.end - m.start, m.prot, m.flags, fd, m.offset}, On::Fail,
                           name);
    for (int advice : {MADV_HUGEPAGE, MADV_NOHUGEPAGE})
        if (m.advice & (1ull << advice))
            build_.program.sys(SYS_madvise, {m.start, m.end - m.start, advice}, On::Fail, name);
}

// An area that once had pages and was moved never merges with its neighbours: the pages' own numbers do not
// go on there. So this one is made elsewhere, gets a page, is moved to its place, and loses the page again.
void Mapper::map_apart(const Mapping &m, const std::string &name)
{
    constexpr int kPopulateWrite = 23; // MADV_POPULATE_WRITE of Linux 5.14
    uint64_t size = m.end - m.start;
    reserve(build_, TargetAddr(m.start), size, name);
    OpId at = build_.program.sys(
        SYS_mmap, {0, size, PROT_READ | PROT_WRITE, m.flags & ~uint32_t{MAP_FIXED_NOREPLACE}, -1, 0},
        On::Fail, name);
    build_.program.sys(SYS_madvise, {at, kPageSize, kPopulateWrite}, On::Fail, name);
    build_.program.sys(SYS_mremap, {at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, m.start}, On::Fail, name);
    build_.program.sys(SYS_madvise, {m.start, kPageSize, MADV_DONTNEED}, On::Fail, name);
    build_.program.sys(SYS_mprotect, {m.start, size, m.prot}, On::Fail, name);
}

// Of what is backed by something, one descriptor at a time is held, for all areas that it backs.
void Mapper::map(bool early)
{
    attach_segments(early);                                           // first, since they come as a whole
    std::map<std::pair<bool, uint64_t>, std::vector<Mapping>> backed; // {anonymous, id}
    Mapping anonymous;
    for (size_t i = 0; i < plan_.areas.size(); i++) {
        const AreaPlan &area = plan_.areas[i];
        if (area.inherited || area.early != early || has(*area.vma, kVmaSysvIpc) ||
            has(*area.vma, kVmaAioRing))
            continue;
        Mapping next = mapping(i, early);
        if (!(area.vma->status() & kVmaAnonPrivate)) {
            backed[{area.vma->status() & kVmaAnonShared, area.vma->shmid()}].push_back(next);
        } else if (anonymous.goes_on_with(next)) {
            anonymous.end = next.end;
        } else {
            if (anonymous.end)
                map(anonymous, -1);
            anonymous = next;
        }
    }
    if (anonymous.end)
        map(anonymous, -1);
    for (const auto &[object, mappings] : backed) {
        auto [shared, id] = object;
        int number = shared ? sources_.shared(id) : sources_.file(static_cast<uint32_t>(id));
        OpId fd = build_.fetch(number, cat(shared ? "shared memory " : "mapped file ", id));
        for (const Mapping &m : mappings)
            map(m, fd);
        build_.close(fd);
    }
    for (const AreaPlan &area : plan_.areas)
        if (!area.inherited && area.early == early)
            describe(*area.vma);
}

// A segment is attached where it was, and what the task did not have of it is unmapped again.
void Mapper::attach_segments(bool early)
{
    std::map<std::pair<uint64_t, uint64_t>, std::vector<const Vma *>> attachments; // by address and id
    for (const AreaPlan &area : plan_.areas)
        if (!area.inherited && area.early == early && has(*area.vma, kVmaSysvIpc))
            attachments[{area.vma->start() - area.vma->pgoff(), area.vma->shmid()}].push_back(area.vma);
    for (const auto &[key, vmas] : attachments) {
        auto [at, id] = key;
        std::string name = cat("System V shared memory ", id);
        bool written = std::any_of(vmas.begin(), vmas.end(),
                                   [](const Vma *vma) { return vma->fdflags() & (O_WRONLY | O_RDWR); });
        uint32_t prot = written ? PROT_READ | PROT_WRITE : PROT_READ;
        build_.program.sys(SYS_shmat, {id, at, written ? 0 : SHM_RDONLY}, On::Fail, name);
        uint64_t end = at;
        auto unmap_to = [&](uint64_t next) {
            if (end < next)
                build_.program.sys(SYS_munmap, {end, next - end}, On::Fail, name);
        };
        for (const Vma *vma : vmas) {
            unmap_to(vma->start());
            end = vma->end();
            if (vma->prot() != prot)
                build_.program.sys(SYS_mprotect, {vma->start(), size_of(*vma), vma->prot()}, On::Fail, name);
        }
        unmap_to(at + page_up(sources_.segment(id)));
    }
}

// What is said of an area by other calls, before it is filled: the policy is about where its pages will be.
void Mapper::describe(const Vma &vma)
{
    constexpr int kSetVma = 0x53564d41, kSetVmaAnonName = 0; // PR_SET_VMA of Linux 5.17
    if (vma.has_cr_name())                                   // A kernel without has no use for it, either.
        build_.program.sys(SYS_prctl,
                           {kSetVma, kSetVmaAnonName, vma.start(), size_of(vma),
                            build_.region.data(vma.cr_name().c_str(), vma.cr_name().size() + 1, 1)},
                           On::Ignore, name_of(vma));
    if (!vma.has_cr_numa())
        return;
    std::string nodes = vma.cr_numa().nodes();
    bool none = nodes.empty();
    nodes.resize(sys::kMaxNodes / 8);
    auto data = build_.region.data(nodes.data(), nodes.size());
    build_.program.sys(SYS_mbind,
                       {vma.start(), size_of(vma), vma.cr_numa().mode(),
                        none ? program::Value(0) : program::Value(data), none ? 0 : sys::kMaxNodes + 1, 0},
                       On::Fail, cat("NUMA policy of ", name_of(vma), " (its nodes must be there)"));
}

// Pages that differ from the cloner's are written over, those that are not there are given back.
void Mapper::change_inherited()
{
    for (const AreaPlan &area : plan_.areas) {
        if (!area.inherited)
            continue;
        if (!area.differing.empty() && !(area.vma->prot() & PROT_WRITE))
            build_.program.sys(SYS_mprotect,
                               {area.vma->start(), size_of(*area.vma), area.vma->prot() | PROT_WRITE},
                               On::Fail, name_of(*area.vma));
        for (const Range &range : area.absent)
            build_.program.sys(SYS_madvise, {range.start, range.size(), MADV_DONTNEED}, On::Fail,
                               name_of(*area.vma));
    }
}

void Mapper::preadv(OpId pages, const std::vector<iovec> &to, uint64_t bytes, uint64_t offset)
{
    auto vectors = build_.region.data(to.data(), to.size() * sizeof(iovec));
    build_.program.sys_expect(SYS_preadv, {pages, vectors, to.size(), offset, 0}, static_cast<int64_t>(bytes),
                              cat("contents of ", to.size(), " ranges of memory"));
}

OpId Mapper::open_pages(OpId dir, uint32_t source)
{
    std::string file = image::path_of(plan_.pagemap.sources[source]);
    return build_.program.sys(
        SYS_openat,
        {dir, build_.region.data(file.c_str(), file.size() + 1, 1), O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0},
        On::Fail, file);
}

// Fills follow each other in the file, so one preadv serves up to IOV_MAX of them.
void Mapper::fill(std::vector<Fill> fills)
{
    if (fills.empty())
        return;
    std::stable_sort(fills.begin(), fills.end(),
                     [](const Fill &a, const Fill &b) { return a.source < b.source; });
    OpId dir = build_.fetch(sources_.images, "the image directory");
    for (size_t at = 0; at < fills.size();) {
        size_t n = 1;
        while (at + n < fills.size() && fills[at + n].source == fills[at].source)
            n++;
        OpId pages = open_pages(dir, fills[at].source);
        fill_from(pages, std::span(fills).subspan(at, n));
        build_.close(pages);
        at += n;
    }
    build_.close(dir);
}

void Mapper::fill_from(OpId pages, std::span<const Fill> fills)
{
    constexpr uint64_t kAtOnce = 64 << 20;
    std::vector<iovec> to;
    uint64_t offset = 0, bytes = 0;
    auto flush = [&] {
        if (!to.empty())
            preadv(pages, to, bytes, offset);
        to.clear();
        bytes = 0;
    };
    for (Fill fill : fills) {
        while (fill.size) {
            if (to.size() == IOV_MAX || bytes == kAtOnce || (!to.empty() && fill.offset != offset + bytes))
                flush();
            if (to.empty())
                offset = fill.offset;
            uint64_t n = std::min(fill.size, kAtOnce - bytes);
            to.push_back({reinterpret_cast<void *>(fill.to.value), n});
            bytes += n;
            fill = {fill.to + n, fill.size - n, fill.offset + n, fill.source};
        }
    }
    flush();
}

// Final protection and advice of areas with this `early`.
void protect(task::Build &build, const TaskPlan &plan, bool early)
{
    for (const AreaPlan &area : plan.areas) {
        const Vma &vma = *area.vma;
        if (area.early != early)
            continue;
        bool changed = area.inherited ? !area.differing.empty() && !(vma.prot() & PROT_WRITE)
                                      : first_prot(plan, vma) != vma.prot();
        if (changed)
            build.program.sys(SYS_mprotect, {vma.start(), size_of(vma), vma.prot()}, On::Fail, name_of(vma));
        if (area.inherited)
            continue;
        for (int advice = 0; vma.madv() >> advice; advice++)
            if ((vma.madv() & (1ull << advice)) && advice != MADV_HUGEPAGE && advice != MADV_NOHUGEPAGE)
                build.program.sys(SYS_madvise, {vma.start(), size_of(vma), advice}, On::Fail, name_of(vma));
    }
}

// KSM of the whole process, which marks all areas that can be merged; those that were not are told so again.
void merge_pages(task::Build &build, const TaskPlan &plan)
{
    constexpr int kSetMemoryMerge = 67; // PR_SET_MEMORY_MERGE of Linux 6.4
    bool merge = plan.mm->cr_memory_merge();
    // Away with the restorer's, where the kernel knows it.
    build.program.sys(SYS_prctl, {kSetMemoryMerge, merge, 0, 0, 0}, merge ? On::Fail : On::Ignore,
                      "merging of equal pages");
    if (!merge)
        return;
    for (const AreaPlan &area : plan.areas)
        if (!(area.vma->madv() & (1ull << MADV_MERGEABLE)))
            build.program.sys(SYS_madvise, {area.vma->start(), size_of(*area.vma), MADV_UNMERGEABLE},
                              On::Ignore, name_of(*area.vma));
}

// What the program forbade itself comes when nothing is left to be done.
void forbid_changes(task::Build &build, const TaskPlan &plan)
{
    constexpr int kSetMdwe = 65; // PR_SET_MDWE of Linux 6.3
    constexpr long kMseal = 462; // Linux 6.10
    for (const AreaPlan &area : plan.areas)
        if (area.vma->cr_flags() & kVmaSealed)
            build.program.sys(kMseal, {area.vma->start(), size_of(*area.vma), 0}, On::Fail,
                              cat("seal of ", name_of(*area.vma)));
    if (plan.mm->cr_mdwe())
        build.program.sys(SYS_prctl, {kSetMdwe, plan.mm->cr_mdwe(), 0, 0, 0}, On::Fail,
                          "denial of memory that is writable and executable (PR_SET_MDWE)");
}

} // namespace

void reserve(task::Build &build, TargetAddr at, uint64_t size, const std::string &name)
{
    build.program.sys(
        SYS_mmap, {at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0},
        On::Fail, name);
}

void map_early(task::Build &build, const TaskPlan &plan, const Sources &sources)
{
    Mapper mapper(build, plan, sources);
    before_map(build, plan, true);
    mapper.change_inherited();
    mapper.map(true);
    before_fill(build, plan, true);
    if (!plan.early.outside)
        mapper.fill(plan.early.fills);
}

void protect_early(task::Build &build, const TaskPlan &plan)
{
    after_fill(build, plan, true);
    protect(build, plan, true);
}

void map_late(task::Build &build, const TaskPlan &plan, const Sources &sources)
{
    Mapper mapper(build, plan, sources);
    before_map(build, plan, false);
    mapper.map(false);
    before_fill(build, plan, false);
    if (!plan.late.outside)
        mapper.fill(plan.late.fills);
    make_rings(build, plan, [&](const std::vector<Fill> &contents) { mapper.fill(contents); });
}

void finish(task::Build &build, const TaskPlan &plan)
{
    after_fill(build, plan, false);
    protect(build, plan, false);
    // After the children are cloned, so that none has guards that it should not; before the locks, since
    // locked memory takes none.
    for (const img::memory_range &guard : plan.mm->cr_guards())
        build.program.sys(SYS_madvise, {guard.start(), guard.end() - guard.start(), kMadvGuardInstall},
                          On::Fail, cat("guard pages ", hex(guard.start()), "-", hex(guard.end())));
    // Locks are not inherited, so inherited areas get theirs here too. An area without access, or
    // one with guards, cannot be brought in, which the call reports after it has set the lock.
    auto guarded = [&](const Vma &vma) {
        const auto &guards = plan.mm->cr_guards();
        return std::any_of(guards.begin(), guards.end(), [&](const img::memory_range &guard) {
            return guard.start() < vma.end() && vma.start() < guard.end();
        });
    };
    for (const AreaPlan &area : plan.areas) {
        const Vma &vma = *area.vma;
        if (!(vma.flags() & MAP_LOCKED))
            continue;
        build.program.sys(SYS_mlock2,
                          {vma.start(), size_of(vma), vma.cr_flags() & kVmaLockOnFault ? MLOCK_ONFAULT : 0},
                          vma.prot() && !guarded(vma) ? On::Fail : On::Ignore, name_of(vma));
    }
    build.program.sys(SYS_prctl,
                      {PR_SET_THP_DISABLE, plan.mm->thp_disabled() ? 1 : 0, plan.mm->cr_thp_disable(), 0, 0},
                      On::Fail, "large pages");
    arm_ldt(build, *plan.mm);
    merge_pages(build, plan);
    forbid_changes(build, plan);
}

} // namespace cr::mm
