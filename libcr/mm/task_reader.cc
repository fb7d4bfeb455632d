#include "libcr/mm/task_reader.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/base/thread.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/vdso.h"
#include "libcr/mm/vma.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/memory.h"
#include "libcr/sys/vdso.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <system_error>

namespace cr::mm
{

namespace
{

using proc::Area;

// Text of smaps for some 700 areas: what is longer is worth a thread.
constexpr uint64_t kLongSmaps = 512 * 1024;

uint64_t resident(const proc::PidDir &dir)
{
    std::string text = dir.read("statm");
    std::string_view rest = text;
    take_word(rest); // the whole size
    return parse_int<uint64_t>(take_word(rest)).value_or(0) * kPageSize;
}

// A shared mapping that may become writable needs a file open for writing.
int open_flags(const Area &area)
{
    return area.shared && area.flags.has(proc::VmFlag::mw) ? O_RDWR : O_RDONLY;
}

bool plain_anonymous(const Area &area)
{
    return !area.shared && !area.inode &&
           (area.path.empty() || area.path == "[heap]" || area.path == "[stack]" ||
            starts_with(area.path, "[anon:"));
}

// MAP_HUGETLB with the size of the area's pages.
uint32_t huge_flags(const proc::PidDir &task, const Area &area)
{
    struct statfs fs;
    std::string path = map_file(task.pid(), area);
    sys::check(sys::call(SYS_statfs, path.c_str(), &fs), "ask for the size of huge pages");
    auto bits = static_cast<uint32_t>(__builtin_ctzll(static_cast<uint64_t>(fs.f_bsize)));
    return kMapHugetlb | bits << kHugeShift;
}

// Inodes of huge pages are numbered by another file system than those of ordinary shared memory.
uint64_t apart_from_small(uint64_t inode) { return inode | 1ull << 41; }

} // namespace

TaskReader::TaskReader(const proc::PidDir &dir, FlagReader &flags, bool aside)
    : dir_(dir), smaps_(dir), flag_reader_(flags)
{
    bool much = resident(dir) >= kMuchMemory;
    if (!aside && !much && smaps_.read(kLongSmaps)) {
        areas_ = smaps_.take();
        return;
    }
    quick_ = (much || !aside) && flag_reader_.there();
    try {
        rest_ = std::async(std::launch::async, speaking([this] { read_rest(); }));
    } catch (const std::system_error &) { // no more threads allowed
        rest_ = std::async(std::launch::deferred, [this] { read_rest(); });
    }
    areas_ = proc::read_maps(dir_);
}

void TaskReader::read_rest()
{
    if (quick_)
        flags_ = flag_reader_.of(dir_.pid());
    if (!flags_)
        smaps_.read();
}

void TaskReader::take_rest()
{
    if (!rest_.valid())
        return;
    rest_.get();
    if (!flags_ || !set_flags(areas_, *flags_)) {
        smaps_.read();
        areas_ = smaps_.take();
    }
    forget_held();
}

// Behind the ELF image nothing: zeros. Section headers as the kernel made them, as those in the task may have
// lent their bytes when an earlier capture was killed.
Instead TaskReader::rest_of_vdso(const Area &area) const
{
    std::vector<uint8_t> bytes(area.size());
    iovec to{bytes.data(), bytes.size()}, from = sys::remote(area.start, bytes.size());
    long got = sys::read_memory(dir_.pid(), &to, 1, &from, 1);
    if (got != static_cast<long>(bytes.size()))
        failed_with(got < 0 ? static_cast<int>(-got) : EFAULT, "read the vDSO");
    return {area.start, complete_vdso(std::move(bytes), sys::own_vdso())};
}

TaskPages TaskReader::pages()
{
    TaskPages out;
    const bool partial = rest_.valid(); // it may have pages where maps shows none, and flags are not known
    std::vector<ScanArea> scan_areas;
    std::optional<Range> vdso, whole;
    std::vector<Range> whole_areas;
    for (const Area &area : areas_) {
        Classified verdict = classify(area, !partial);
        img::vma_entry vma = to_entry(area, verdict.status);
        Range range{area.start, area.end};
        if (has(vma, kVmaVdso)) {
            if (vdso)
                refused("there are two areas [vdso]");
            vdso = range;
            out.instead = rest_of_vdso(area);
        } else if (!verdict.refusal && has_private_pages(vma) && !has(vma, kVmaAioRing) &&
                   (area.anonymous || partial || area.path == kAnonHuge)) {
            scan_areas.push_back({range, has(vma, kVmaFilePrivate)});
            if (has(vma, kVmaFilePrivate))
                out.of_files.push_back(range);
        }
        if (!verdict.refusal && has(vma, kVmaAioRing)) // the kernel has written what the task has not looked at
            whole_areas.push_back(range);
        if (!has(vma, kVmaVsyscall))
            whole = {whole ? whole->start : area.start, area.end};
        if (plain_anonymous(area))
            out.anonymous.push_back(range);
        if (!area.read)
            out.unreadable.push_back(range);
    }
    Scan scan = scan_pages(dir_, whole.value_or(Range{}), scan_areas);
    guards_ = std::move(scan.guards);
    large_ = intersect(scan.large, out.anonymous);
    out.scanned = scan.scanned;
    out.ranges = std::move(scan.pages);
    if (vdso)
        whole_areas.push_back(*vdso);
    for (const Range &range : whole_areas) // which the scan has no pages of
        out.ranges.insert(std::upper_bound(out.ranges.begin(), out.ranges.end(), range.start,
                                           [](TargetAddr at, const Range &r) { return at < r.start; }),
                          range);
    return out;
}

img::mm_entry TaskReader::describe(const TaskToCapture &task, FileTable &files, SharedTable &shared)
{
    take_rest();
    img::mm_entry mm;
    policies_ = read_policies(dir_, task.numa);
    for (const Area &area : areas_)
        add_area(area, files, shared, mm);
    auto put = [](const Range &range, img::memory_range &out) {
        out.set_start(range.start.value);
        out.set_end(range.end.value);
    };
    for (const Range &range : guards_)
        put(range, *mm.add_cr_guards());
    mm.mutable_cr_large();
    for (const Range &range : large_)
        put(range, *mm.mutable_cr_large()->add_ranges());
    add_layout(task, files, mm);
    describe_rings(mm);
    return mm;
}

void TaskReader::forget_held()
{
    auto held = held_.begin();
    for (Area &area : areas_) {
        while (held != held_.end() && held->end <= area.start)
            ++held;
        if (held != held_.end() && held->start == area.start)
            area.flags.clear(proc::VmFlag::uw);
    }
}

void TaskReader::add_area(const Area &area, FileTable &files, SharedTable &shared, img::mm_entry &mm)
{
    Classified verdict = classify(area, true);
    if (verdict.refusal) {
        Blocker blocker = describe_area(area, verdict);
        refused(blocker.what, blocker.remedy);
    }
    auto &vmas = *mm.mutable_vmas();
    img::vma_entry vma = to_entry(area, verdict.status);
    // The kernel's data pages come in several areas, by kernel version; the image has one.
    if (has(vma, kVmaVvar) && !vmas.empty() && has(vmas[vmas.size() - 1], kVmaVvar) &&
        vmas[vmas.size() - 1].end() == vma.start()) {
        vmas[vmas.size() - 1].set_end(vma.end());
        return;
    }
    if (area.path == kAnonHuge)
        vma.set_flags(vma.flags() | huge_flags(dir_, area));
    if (verdict.status & (kVmaFilePrivate | kVmaFileShared | kVmaSocket)) {
        int flags = has(vma, kVmaSocket) ? O_RDWR : open_flags(area);
        vma.set_shmid(files.mapped(dir_, area, flags));
        vma.set_pgoff(area.offset);
        vma.set_fdflags(static_cast<uint32_t>(flags));
    } else if (verdict.status & kVmaAnonShared) {
        vma.set_shmid(area.path == kAnonHuge ? apart_from_small(area.inode) : area.inode);
        vma.set_pgoff(area.offset);
        if (verdict.status & kVmaSysvIpc)
            vma.set_fdflags(static_cast<uint32_t>(open_flags(area)));
        shared.mapped(dir_, area, vma.shmid(), verdict.status & kVmaSysvIpc);
    }
    if (auto policy = policies_.find(vma.start()); policy != policies_.end() && !is_special(vma))
        *vma.mutable_cr_numa() = std::move(policy->second);
    *vmas.Add() = std::move(vma);
}

void TaskReader::add_layout(const TaskToCapture &task, FileTable &files, img::mm_entry &mm)
{
    proc::Stat stat = proc::parse_stat(dir_.read("stat"));
    mm.set_mm_start_code(stat.start_code);
    mm.set_mm_end_code(stat.end_code);
    mm.set_mm_start_data(stat.start_data);
    mm.set_mm_end_data(stat.end_data);
    mm.set_mm_start_stack(stat.start_stack);
    mm.set_mm_start_brk(stat.start_brk);
    mm.set_mm_arg_start(stat.arg_start);
    mm.set_mm_arg_end(stat.arg_end);
    mm.set_mm_env_start(stat.env_start);
    mm.set_mm_env_end(stat.env_end);
    uint64_t brk = stat.start_brk;
    for (const Area &a : areas_)
        if (a.path == "[heap]")
            brk = a.end.value;
    mm.set_mm_brk(task.brk.value_or(brk));
    std::string auxv = dir_.read("auxv");
    for (size_t at = 0; at + 8 <= auxv.size(); at += 8) {
        uint64_t word;
        std::memcpy(&word, auxv.data() + at, sizeof word);
        mm.add_mm_saved_auxv(word);
    }
    mm.set_dumpable(task.dumpable);
    if (task.thp_disable)
        mm.set_thp_disabled(true);
    if (task.thp_disable > 1)
        mm.set_cr_thp_disable(task.thp_disable & ~1u);
    if (task.mdwe)
        mm.set_cr_mdwe(task.mdwe);
    if (task.memory_merge)
        mm.set_cr_memory_merge(true);
    if (!task.ldt.empty())
        mm.set_cr_ldt(task.ldt);
    mm.set_exe_file_id(files.executable(dir_, areas_));
}

} // namespace cr::mm
