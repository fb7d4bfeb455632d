// The vocabulary of vma_entry: what its `status`, `flags` and `madv` bits mean. Numbers are those of CRIU's
// image format; `flags` are MAP_* as for mmap(2), `madv` has bit n set for the advice numbered n in
// madvise(2).
#pragma once

#include "libcr/base/addr.h"
#include "vma.pb.h"

#include <cstdint>

namespace cr::mm
{

inline constexpr uint32_t kVmaRegular = 0x1, kVmaStack = 0x2, kVmaVsyscall = 0x4, kVmaVdso = 0x8,
                          kVmaHeap = 0x20, kVmaFilePrivate = 0x40, kVmaFileShared = 0x80,
                          kVmaAnonShared = 0x100, kVmaAnonPrivate = 0x200, kVmaSysvIpc = 0x400,
                          kVmaSocket = 0x800, kVmaVvar = 0x1000, kVmaAioRing = 0x2000, kVmaMemfd = 0x4000,
                          kVmaShadowStack = 0x8000, kVmaGuard = 0x10000, kVmaUprobes = 0x20000;

// Of vma_entry.cr_flags, which CRIU does not know.
inline constexpr uint32_t kVmaAccounted = 0x1;   // counts as committed memory though it is not writable now
inline constexpr uint32_t kVmaLockOnFault = 0x2; // mlock2(MLOCK_ONFAULT)
inline constexpr uint32_t kVmaSealed = 0x4;      // mseal(2)

// madvise(2) of Linux 6.13; absent from Debian 12's headers.
inline constexpr int kMadvGuardInstall = 102;
// MAP_DROPPABLE of Linux 6.11, a mapping type like MAP_PRIVATE; absent from Debian 12's headers.
inline constexpr uint32_t kMapDroppable = 0x08;

// What maps says of memory that was mapped by MAP_HUGETLB without a file.
inline constexpr const char *kAnonHuge = "/anon_hugepage (deleted)";
// MAP_HUGETLB says the size of a page by its logarithm in these bits of `flags`.
inline constexpr int kHugeShift = 26;
inline constexpr uint32_t kMapHugetlb = 0x40000, kHugeBits = 63u << kHugeShift;

inline bool is_huge(const img::vma_entry &vma) { return vma.flags() & kMapHugetlb; }
inline uint64_t page_size_of(const img::vma_entry &vma)
{
    return is_huge(vma) ? 1ull << (vma.flags() >> kHugeShift) : kPageSize;
}

inline bool has(const img::vma_entry &vma, uint32_t status) { return (vma.status() & status) == status; }
inline TargetAddr start_of(const img::vma_entry &vma) { return TargetAddr(vma.start()); }
inline TargetAddr end_of(const img::vma_entry &vma) { return TargetAddr(vma.end()); }
inline uint64_t size_of(const img::vma_entry &vma) { return vma.end() - vma.start(); }

// Contents of its own, in the task's pagemap.
inline bool has_private_pages(const img::vma_entry &vma)
{
    return (vma.status() & (kVmaAnonPrivate | kVmaFilePrivate | kVmaAioRing)) &&
           !(vma.status() & (kVmaVvar | kVmaVsyscall)) && !(vma.flags() & kMapDroppable);
}
// What only our own fields say of two areas is the same.
inline bool same_extras(const img::vma_entry &a, const img::vma_entry &b)
{
    return a.cr_flags() == b.cr_flags() && a.cr_name() == b.cr_name() &&
           a.cr_numa().mode() == b.cr_numa().mode() && a.cr_numa().nodes() == b.cr_numa().nodes();
}
// Placed by the kernel, not by mmap.
inline bool is_special(const img::vma_entry &vma)
{
    return vma.status() & (kVmaVdso | kVmaVvar | kVmaVsyscall);
}

} // namespace cr::mm
