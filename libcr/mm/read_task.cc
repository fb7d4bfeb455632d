// One task's address space: areas from smaps, pages from the pagemap, the layout that the kernel keeps beside
// (where code, data, heap, arguments are) from stat and auxv.
#include "libcr/mm/capture.h"

#include "libcr/base/text.h"
#include "libcr/mm/vdso.h"
#include "libcr/mm/vma.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/memory.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>

namespace cr::mm
{

namespace
{

using proc::Area;

// A shared mapping that may become writable needs a file open for writing.
int open_flags(const Area &area)
{
    return area.shared && area.flags.has(proc::VmFlag::mw) ? O_RDWR : O_RDONLY;
}

class Reader
{
  public:
    Reader(const proc::PidDir &dir, FileTable &files, SharedTable &shared)
        : dir_(dir), files_(files), shared_(shared), areas_(proc::read_smaps(dir))
    {
    }

    void areas();
    void pages();
    void layout(const TaskToCapture &task);

    TaskMemory out;

  private:
    void area(const Area &area);
    void vdso(const Area &area);

    const proc::PidDir &dir_;
    FileTable &files_;
    SharedTable &shared_;
    std::vector<Area> areas_;
    std::vector<ScanArea> scan_;
    std::optional<Range> vdso_;
};

void Reader::areas()
{
    for (const Area &a : areas_)
        area(a);
}

void Reader::area(const Area &a)
{
    Classified verdict = classify(a, true);
    if (verdict.refusal) {
        Blocker blocker = describe(a, verdict);
        refused(blocker.what, blocker.remedy);
    }
    auto &vmas = *out.mm.mutable_vmas();
    img::vma_entry vma = to_entry(a, verdict.status);
    // The kernel's data pages come in several areas, by kernel version; the image has one.
    if (has(vma, kVmaVvar) && !vmas.empty() && has(vmas[vmas.size() - 1], kVmaVvar) &&
        vmas[vmas.size() - 1].end() == vma.start()) {
        vmas[vmas.size() - 1].set_end(vma.end());
        return;
    }
    if (verdict.status & (kVmaFilePrivate | kVmaFileShared)) {
        int flags = open_flags(a);
        vma.set_shmid(files_.mapped(dir_, a, flags));
        vma.set_pgoff(a.offset);
        vma.set_fdflags(static_cast<uint32_t>(flags));
    } else if (verdict.status & kVmaAnonShared) {
        vma.set_shmid(a.inode);
        vma.set_pgoff(a.offset);
        shared_.mapped(dir_, a);
    }
    Range range{a.start, a.end};
    if (has(vma, kVmaVdso))
        vdso(a);
    else if (has_private_pages(vma) && a.anonymous)
        scan_.push_back({range, has(vma, kVmaFilePrivate)});
    if (!a.read)
        out.unreadable.push_back(range);
    *vmas.Add() = std::move(vma);
}

void Reader::vdso(const Area &a)
{
    if (vdso_)
        refused("there are two areas [vdso]");
    vdso_ = {a.start, a.end};
    std::vector<uint8_t> bytes(a.size());
    iovec to{bytes.data(), bytes.size()}, from = sys::remote(a.start, bytes.size());
    long got = sys::read_memory(dir_.pid(), &to, 1, &from, 1);
    if (got != static_cast<long>(bytes.size()))
        failed_with(got < 0 ? static_cast<int>(-got) : EFAULT, "read the vDSO");
    out.zeroed = {a.start + elf_extent(bytes), a.end};
}

void Reader::pages()
{
    Scan scan = scan_pages(dir_, scan_);
    if (!scan.guards.empty())
        refused(cat("the memory at ", hex(scan.guards[0].start.value),
                    " has guard pages (MADV_GUARD_INSTALL), which are not supported yet"));
    out.scanned = scan.scanned;
    out.pages = std::move(scan.pages);
    if (vdso_)
        out.pages.insert(std::upper_bound(out.pages.begin(), out.pages.end(), vdso_->start,
                                          [](TargetAddr at, const Range &r) { return at < r.start; }),
                         *vdso_);
}

void Reader::layout(const TaskToCapture &task)
{
    img::mm_entry &mm = out.mm;
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
    if (task.thp_disabled)
        mm.set_thp_disabled(true);
    mm.set_exe_file_id(files_.executable(dir_, areas_));
}

} // namespace

TaskMemory read_task(const TaskToCapture &task, const proc::PidDir &dir, FileTable &files,
                     SharedTable &shared)
{
    Reader reader(dir, files, shared);
    reader.areas();
    reader.pages();
    reader.layout(task);
    return std::move(reader.out);
}

} // namespace cr::mm
