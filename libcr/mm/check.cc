#include "libcr/mm/check.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/ldt.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/numa.h"

#include <algorithm>
#include <sys/mman.h>

namespace cr::mm
{

namespace
{

using Vma = img::vma_entry;

constexpr uint32_t kInternal = ~0u << 27; // CRIU's own marks, without meaning in an image
constexpr uint32_t kBacking = kVmaFilePrivate | kVmaFileShared | kVmaSocket | kVmaAnonShared | kVmaAnonPrivate;
constexpr uint32_t kRestorable = kVmaRegular | kVmaStack | kVmaVsyscall | kVmaVdso | kVmaHeap | kBacking |
                                 kVmaVvar | kVmaMemfd | kVmaSysvIpc | kVmaAioRing;
constexpr uint32_t kMapFlags = MAP_SHARED | MAP_PRIVATE | kMapDroppable | MAP_ANONYMOUS | MAP_GROWSDOWN |
                               MAP_LOCKED | MAP_NORESERVE | MAP_STACK | MAP_DENYWRITE | MAP_EXECUTABLE;
constexpr uint64_t kAdvice = 1ull << MADV_SEQUENTIAL | 1ull << MADV_RANDOM | 1ull << MADV_DONTFORK |
                             1ull << MADV_MERGEABLE | 1ull << MADV_HUGEPAGE | 1ull << MADV_NOHUGEPAGE |
                             1ull << MADV_DONTDUMP | 1ull << MADV_WIPEONFORK;

struct Unsupported {
    uint32_t status;
    const char *what;
};
constexpr Unsupported kUnsupported[] = {{kVmaShadowStack, "a shadow stack"},
                                        {kVmaGuard, "guard pages"},
                                        {kVmaUprobes, "the area of uprobes"}};

void check_huge(const Vma &vma)
{
    if (!(vma.status() & (kVmaAnonPrivate | kVmaAnonShared)) || vma.status() & (kVmaStack | kVmaSysvIpc))
        refused("it is made of explicitly huge pages of a file, which are not supported yet");
    uint64_t size = page_size_of(vma);
    if (size <= kPageSize || vma.start() % size || vma.end() % size || vma.pgoff() % size)
        bad_image(cat("it is not made of pages of ", size, " bytes"));
}

void check_kind(const Vma &vma)
{
    uint32_t status = vma.status() & ~kInternal;
    for (const auto &[bit, what] : kUnsupported)
        if (status & bit)
            refused(cat("it is ", what, ", which is not supported yet"));
    if (is_huge(vma))
        check_huge(vma);
    else if (vma.flags() & kHugeBits)
        bad_image("a page size without huge pages");
    if (status & ~kRestorable)
        bad_image(cat("status 0x", hex(status), " is not known"));
    if (status & kVmaAioRing) // neither a file nor anonymous, whatever the image calls it
        status = (status & ~kBacking) |
                 ((vma.flags() & MAP_TYPE) == MAP_SHARED ? kVmaAnonShared : kVmaAnonPrivate);
    uint32_t backing = status & kBacking;
    if (backing == 0 || (backing & (backing - 1)))
        bad_image(cat("status 0x", hex(status), " does not say what it maps"));

    uint32_t type = vma.flags() & MAP_TYPE;
    bool shared = backing & (kVmaFileShared | kVmaSocket | kVmaAnonShared);
    bool file = backing & (kVmaFileShared | kVmaFilePrivate | kVmaSocket);
    if (vma.flags() & ~(kMapFlags | kMapHugetlb | kHugeBits) ||
        (type != MAP_SHARED && type != MAP_PRIVATE && type != kMapDroppable) ||
        shared != (type == MAP_SHARED) || (file && (vma.flags() & MAP_ANONYMOUS)))
        bad_image(cat("flags 0x", hex(vma.flags()), " do not fit status 0x", hex(status)));
    if ((status & kVmaSysvIpc && !(backing & kVmaAnonShared)) || (status & kVmaMemfd && !file))
        bad_image(cat("status 0x", hex(status), " contradicts itself"));
    if (vma.prot() & ~uint32_t{PROT_READ | PROT_WRITE | PROT_EXEC})
        bad_image(cat("prot 0x", hex(vma.prot()), " is not known"));
    if (vma.madv() & ~kAdvice)
        bad_image(cat("madv 0x", hex(vma.madv()), " is not known"));
    if (vma.cr_flags() & ~(kVmaAccounted | kVmaLockOnFault | kVmaSealed))
        bad_image(cat("cr_flags 0x", hex(vma.cr_flags()), " are not known"));
    constexpr size_t kLongestName = 79;
    if (vma.cr_name().size() > kLongestName ||
        (vma.has_cr_name() && (backing & ~(kVmaAnonPrivate | kVmaAnonShared))))
        bad_image(cat("it has the name ", printable(vma.cr_name())));
    if ((vma.cr_numa().mode() & ~sys::kPolicyFlags) > 64 || vma.cr_numa().nodes().size() > sys::kMaxNodes / 8)
        bad_image(cat("its NUMA policy is ", vma.cr_numa().mode()));
}

void check_place(const Vma &vma, uint64_t previous_end)
{
    if (vma.start() % kPageSize || vma.end() % kPageSize || vma.start() >= vma.end())
        bad_image("it is not made of whole pages");
    if (vma.start() < previous_end)
        bad_image("it overlaps the area before");
    if (vma.status() & kVmaVsyscall) {
        if (vma.start() != kVsyscall)
            bad_image("the vsyscall page is elsewhere");
    } else if (vma.end() > kTaskSize) {
        refused("it is above the addresses that this machine has");
    }
    if (vma.pgoff() % kPageSize || vma.pgoff() > INT64_MAX - size_of(vma))
        bad_image(cat("pgoff ", vma.pgoff(), " is not possible"));
}

// Both are in rising order; a guard may go over areas that touch.
void check_guards(const img::mm_entry &mm)
{
    auto vma = mm.vmas().begin();
    uint64_t previous_end = 0;
    for (const img::memory_range &guard : mm.cr_guards()) {
        auto describe = [&] { return cat("guard pages ", hex(guard.start()), "-", hex(guard.end())); };
        Subject subject(describe);
        if (guard.start() % kPageSize || guard.end() % kPageSize || guard.start() >= guard.end())
            bad_image("they are not whole pages");
        if (guard.start() < previous_end)
            bad_image("they overlap those before");
        previous_end = guard.end();
        for (uint64_t at = guard.start(); at < guard.end();) {
            while (vma != mm.vmas().end() && vma->end() <= at)
                ++vma;
            if (vma == mm.vmas().end() || vma->start() > at || is_special(*vma))
                bad_image(cat("at ", hex(at), " is no memory that can have them"));
            at = std::min(vma->end(), guard.end());
        }
    }
}

void check_large(const img::mm_entry &mm)
{
    uint64_t previous_end = 0;
    for (const img::memory_range &range : mm.cr_large().ranges()) {
        if (range.start() < previous_end || range.start() >= range.end() || range.start() % kPageSize ||
            range.end() % kPageSize)
            bad_image(cat("large pages ", hex(range.start()), "-", hex(range.end()), " cannot be"));
        previous_end = range.end();
    }
}

} // namespace

void check_layout(const img::mm_entry &mm, const std::function<bool(uint32_t)> &file_known)
{
    if (mm.vmas_size() == 0)
        bad_image("there are no areas");
    if (mm.mm_saved_auxv_size() > 1024)
        bad_image(cat("mm_saved_auxv has ", mm.mm_saved_auxv_size(), " words"));
    if (!file_known(mm.exe_file_id()))
        bad_image(cat("exe_file_id ", mm.exe_file_id(), " has no entry in files"));
    uint64_t previous_end = 0;
    int vdso = 0;
    for (const Vma &vma : mm.vmas()) {
        auto describe = [&] { return cat("memory ", hex(vma.start()), "-", hex(vma.end())); };
        Subject subject(describe);
        check_place(vma, previous_end);
        check_kind(vma);
        if (vma.status() & (kVmaFilePrivate | kVmaFileShared | kVmaSocket) &&
            (vma.shmid() > UINT32_MAX || !file_known(static_cast<uint32_t>(vma.shmid()))))
            bad_image(cat("file ", vma.shmid(), " has no entry in files"));
        vdso += has(vma, kVmaVdso);
        previous_end = vma.end();
    }
    if (vdso > 1)
        bad_image("there is more than one vDSO");
    check_guards(mm);
    check_large(mm);
    check_ldt(mm);
    check_rings(mm);
    if (mm.cr_mdwe() > 3 || mm.cr_thp_disable() > 3)
        bad_image(cat("cr_mdwe is ", mm.cr_mdwe(), ", cr_thp_disable ", mm.cr_thp_disable()));
}

void check_pages(const img::mm_entry &mm, const image::Pagemap &pagemap)
{
    auto vma = mm.vmas().begin();
    for (const image::PageRun &run : pagemap.runs) {
        for (uint64_t at = run.start; at < run.end();) { // a run may go over areas that touch
            while (vma != mm.vmas().end() && vma->end() <= at)
                ++vma;
            if (vma == mm.vmas().end() || vma->start() > at ||
                !(has_private_pages(*vma) || vma->flags() & kMapDroppable))
                bad_image(cat("a page at ", hex(at), " is not in memory that has pages of its own"));
            at = std::min(vma->end(), run.end());
        }
    }
}

} // namespace cr::mm
