#include "libcr/mm/classify.h"

#include "libcr/base/text.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

using proc::Area;
using proc::VmFlag;

struct Facts {
    const Area &area;
    const std::optional<FileFacts> &file;

    bool named(std::string_view name) const { return area.path == name; }
    bool begins(std::string_view prefix) const { return area.path.starts_with(prefix); }
    bool deleted() const { return file ? file->deleted : area.path.ends_with(" (deleted)"); }
    bool flag(VmFlag f) const { return area.flags.has(f); }
    bool has_file() const { return begins("/"); }
    bool anonymous() const { return area.path.empty() || begins("[anon:"); }
};

struct Kind {
    bool (*claims)(const Facts &);
    uint32_t status;
    const char *refusal, *remedy;
};

// The first that claims an area has it; names that the kernel gives come before anything a file's name can
// say.
// clang-format off
constexpr Kind kKinds[] = {
    {[](const Facts &f) { return f.named("[vdso]"); }, kVmaRegular | kVmaVdso | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.begins("[vvar"); }, kVmaRegular | kVmaVvar | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.named("[vsyscall]"); }, kVmaVsyscall | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.named("[uprobes]"); }, 0,
     "belongs to probes that somebody set in the program", "remove the probes (perf, bpftrace, ...)"},
    {[](const Facts &f) { return f.begins("/memfd:") && f.deleted() && f.area.shared; },
     kVmaRegular | kVmaMemfd | kVmaFileShared, nullptr, ""},
    {[](const Facts &f) { return f.begins("/memfd:") && f.deleted() && !f.flag(VmFlag::ht); },
     kVmaRegular | kVmaMemfd | kVmaFilePrivate, nullptr, ""},
    {[](const Facts &f) { return f.begins(kAnonHuge) && !f.area.shared; }, kVmaRegular | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.begins(kAnonHuge); }, kVmaRegular | kVmaAnonShared, nullptr, ""},
    {[](const Facts &f) { return f.flag(VmFlag::ht); }, 0,
     "maps a file of explicitly huge pages (hugetlbfs), which is not supported yet",
     "let the program use MAP_HUGETLB without a file, or memfd_create with MFD_HUGETLB"},
    {[](const Facts &f) { return f.named("[heap]"); }, kVmaRegular | kVmaHeap | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.named("[stack]") || (f.anonymous() && f.flag(VmFlag::gd)); },
     kVmaRegular | kVmaStack | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.anonymous() && !f.area.shared; }, kVmaRegular | kVmaAnonPrivate, nullptr, ""},
    {[](const Facts &f) { return f.area.shared && (f.named("/dev/zero (deleted)") || f.begins("[anon_shmem:")); },
     kVmaRegular | kVmaAnonShared, nullptr, ""},
    {[](const Facts &f) { return f.begins("/SYSV") && f.deleted() && f.area.major == 0 && f.area.shared; },
     kVmaRegular | kVmaAnonShared | kVmaSysvIpc, nullptr, ""},
    {[](const Facts &f) { return f.begins("/secretmem"); }, 0,
     "is secret memory (memfd_secret), which nobody but the program can read", "unmap it before the dump"},
    {[](const Facts &f) { return f.begins("/[aio]") && f.area.offset; }, 0,
     "is a part of the ring of an asynchronous I/O context (io_setup)",
     "destroy the context (io_destroy) before the dump"},
    {[](const Facts &f) { return f.begins("/[aio]"); }, kVmaRegular | kVmaAioRing, nullptr, ""},
    // Of a packet socket, the only ones that can be mapped but for those of TCP and XDP, which cr-dump-files refuses.
    {[](const Facts &f) { return f.begins("socket:[") && f.area.shared && !f.area.offset; }, kVmaRegular | kVmaSocket,
     nullptr, ""},
    {[](const Facts &f) { return f.begins("socket:["); }, 0, "is a part of the ring of a socket", "unmap it before the dump"},
    {[](const Facts &f) { return f.begins("anon_inode:") || f.begins("["); }, 0,
     "is memory of a kernel object that cannot be dumped", "unmap it before the dump"},
    {[](const Facts &f) { return !f.has_file(); }, 0, "is of a kind that is not known", ""},
    // A private mapping of it is anonymous memory that shows a name.
    {[](const Facts &f) { return f.named("/dev/zero") && !f.area.shared; }, kVmaRegular | kVmaFilePrivate, nullptr, ""},
    {[](const Facts &f) { return f.file ? !f.file->regular : f.begins("/dev/") && !f.begins("/dev/shm/"); }, 0,
     "maps a device or another file that is no regular one", "unmap it before the dump"},
    {[](const Facts &f) { return f.area.shared; }, kVmaRegular | kVmaFileShared, nullptr, ""},
    {[](const Facts &) { return true; }, kVmaRegular | kVmaFilePrivate, nullptr, ""},
};

struct FlagRefusal {
    VmFlag flag;
    const char *refusal, *remedy;
};
constexpr FlagRefusal kFlagRefusals[] = {
    {VmFlag::pf, "maps memory of a device", "unmap it before the dump"},
    {VmFlag::io, "maps memory of a device", "unmap it before the dump"},
    {VmFlag::um, "is watched by a userfaultfd, which is not supported yet", "unregister it before the dump"},
    {VmFlag::ui, "is watched by a userfaultfd, which is not supported yet", "unregister it before the dump"},
    {VmFlag::ss, "is a shadow stack, which is not supported yet", "run the program without shadow stacks"},
    {VmFlag::sf, "maps persistent memory with MAP_SYNC, which is not supported", "unmap it before the dump"},
    {VmFlag::Unknown, "has a property that this version does not know (see VmFlags in /proc/PID/smaps)", ""},
};
// clang-format on

struct FlagBit {
    VmFlag flag;
    int bit;
};
constexpr FlagBit kMapBits[] = {
    {VmFlag::gd, MAP_GROWSDOWN}, {VmFlag::lo, MAP_LOCKED}, {VmFlag::nr, MAP_NORESERVE}};
constexpr FlagBit kAdviceBits[] = {{VmFlag::sr, 1 << MADV_SEQUENTIAL}, {VmFlag::rr, 1 << MADV_RANDOM},
                                   {VmFlag::dc, 1 << MADV_DONTFORK},   {VmFlag::dd, 1 << MADV_DONTDUMP},
                                   {VmFlag::mg, 1 << MADV_MERGEABLE},  {VmFlag::hg, 1 << MADV_HUGEPAGE},
                                   {VmFlag::nh, 1 << MADV_NOHUGEPAGE}, {VmFlag::wf, 1 << MADV_WIPEONFORK}};

uint32_t map_flags(const Area &area, uint32_t status)
{
    uint32_t out = area.shared ? MAP_SHARED : area.flags.has(VmFlag::dp) ? kMapDroppable : MAP_PRIVATE;
    if (!(status & (kVmaFilePrivate | kVmaFileShared | kVmaSocket)))
        out |= MAP_ANONYMOUS; // of AIO rings, too
    if (status & kVmaStack)
        out |= MAP_GROWSDOWN;
    for (const auto &[flag, bit] : kMapBits)
        if (area.flags.has(flag))
            out |= static_cast<uint32_t>(bit);
    return out;
}

} // namespace

std::optional<FileFacts> file_facts(const proc::PidDir &task, const Area &area)
{
    std::string path = cat("map_files/", hex(area.start.value), "-", hex(area.end.value));
    struct stat st;
    if (sys::call(SYS_newfstatat, task.fd(), path.c_str(), &st, 0) < 0)
        return std::nullopt;
    return FileFacts{S_ISREG(st.st_mode), st.st_nlink == 0};
}

Classified classify(const Area &area, bool flags_known, const std::optional<FileFacts> &file)
{
    Facts facts{area, file};
    const Kind &kind =
        *std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind &k) { return k.claims(facts); });
    Classified out{kind.status, kind.refusal, kind.remedy};
    if (out.refusal || !flags_known || (out.status & (kVmaVdso | kVmaVvar | kVmaVsyscall)))
        return out;
    for (const FlagRefusal &r : kFlagRefusals)
        if (area.flags.has(r.flag))
            return {out.status, r.refusal, r.remedy};
    return out;
}

bool needs_file_facts(const Area &area)
{
    return area.path.starts_with("/dev/") || area.path.ends_with(" (deleted)");
}

img::vma_entry to_entry(const Area &area, uint32_t status)
{
    img::vma_entry out;
    out.set_start(area.start.value);
    out.set_end(area.end.value);
    out.set_pgoff(0);
    out.set_shmid(0);
    out.set_prot((area.read ? PROT_READ : 0u) | (area.write ? PROT_WRITE : 0u) |
                 (area.exec ? PROT_EXEC : 0u));
    out.set_flags(map_flags(area, status));
    out.set_status(status);
    out.set_fd(-1);
    if (status & (kVmaVdso | kVmaVvar | kVmaVsyscall))
        return out;
    uint64_t advice = 0;
    for (const auto &[flag, bit] : kAdviceBits)
        if (area.flags.has(flag))
            advice |= static_cast<uint64_t>(bit);
    if (area.flags.has(VmFlag::dp)) // these two come with it
        advice &= ~((uint64_t{1} << MADV_WIPEONFORK) | (uint64_t{1} << MADV_DONTDUMP));
    if (advice)
        out.set_madv(advice);
    uint32_t more = (area.flags.has(VmFlag::ac) && !area.write ? kVmaAccounted : 0) |
                    (area.flags.has(VmFlag::lf) ? kVmaLockOnFault : 0) |
                    (area.flags.has(VmFlag::sl) ? kVmaSealed : 0);
    if (more)
        out.set_cr_flags(more);
    for (std::string_view prefix : {"[anon:", "[anon_shmem:"})
        if (area.path.starts_with(prefix) && area.path.ends_with("]"))
            out.set_cr_name(area.path.substr(prefix.size(), area.path.size() - prefix.size() - 1));
    return out;
}

Blocker describe_area(const Area &area, const Classified &verdict)
{
    std::string name = area.path.empty() ? "" : cat(" (", printable(area.path), ")");
    return {cat("the memory ", hex(area.start.value), "-", hex(area.end.value), name, " ", verdict.refusal),
            verdict.remedy};
}

std::vector<Blocker> blockers(const proc::PidDir &task, bool &rings)
{
    rings = false;
    std::vector<Blocker> out;
    for (const Area &area : proc::read_maps(task)) {
        std::optional<FileFacts> file;
        if (needs_file_facts(area))
            file = file_facts(task, area);
        Classified verdict = classify(area, false, file);
        if (verdict.status & kVmaAioRing) {
            rings = true;
            if (auto blocker = ring_blocker(task.pid(), area))
                out.push_back(*blocker);
        }
        if (verdict.refusal)
            out.push_back(describe_area(area, verdict));
    }
    return out;
}

} // namespace cr::mm
