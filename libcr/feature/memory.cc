// Probes of what is known about memory and can be done to it. Those that change an address space do it in a
// child.
#include "libcr/feature/probes.h"
#include "libcr/feature/trial.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/pagemap.h"
#include "libcr/sys/userfaultfd.h"

#include <asm/prctl.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>

namespace cr::feature::probe
{

namespace
{

constexpr uint64_t kPage = 4096;
constexpr int kGuardInstall = 102; // MADV_GUARD_INSTALL, Linux 6.13
constexpr uint64_t kSoftDirty = 1ull << 55;

// An area of this process by the name that /proc/self/maps has for it.
struct Area {
    uint64_t start = 0, end = 0;
};

Area area_named(std::string_view name)
{
    std::string text = text_of("/proc/self/maps");
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        if (!line.ends_with(name))
            continue;
        auto start = parse_int<uint64_t>(take_until(line, '-'), 16);
        auto end = parse_int<uint64_t>(take_until(line, ' '), 16);
        if (start && end)
            return {*start, *end};
    }
    return {};
}

long map_pages(uint64_t size)
{
    return sys::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void touch(uint64_t address) { *reinterpret_cast<volatile char *>(address) = 1; }

// Moves an area of one's own somewhere else; the new address.
long move(const Area &area)
{
    uint64_t size = area.end - area.start;
    long to = map_pages(size);
    return to < 0 ? to : sys::call(SYS_mremap, area.start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

Fd own_pagemap()
{
    long fd = sys::try_open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
    return fd < 0 ? Fd() : Fd(static_cast<int>(fd));
}

long with_userfaultfd(uint64_t features)
{
    long r = sys::call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (r < 0)
        return r;
    Fd fd(static_cast<int>(r));
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = features;
    return sys::call(SYS_ioctl, fd.get(), UFFDIO_API, &api);
}

// There is one already, which the kernel says only if it understands the request.
long map_vdso(int which)
{
    long r = sys::call(SYS_arch_prctl, which, 0x10000000);
    return r == -EEXIST ? 0 : r;
}

} // namespace

// The link of some area that surely has a file: the first one, of the program itself.
long map_files()
{
    long fd = sys::try_open_at(AT_FDCWD, "/proc/self/map_files", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    Fd dir(static_cast<int>(fd));
    std::string maps = text_of("/proc/self/maps");
    for (std::string_view rest = maps; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        if (line.find(" /") == line.npos) // no file
            continue;
        // Low addresses have zeros before them there, and none here.
        auto start = parse_int<uint64_t>(take_until(line, '-'), 16), end = parse_int<uint64_t>(take_until(line, ' '), 16);
        if (!start || !end)
            break;
        long file = sys::try_open_at(dir.get(), cat(hex(*start), "-", hex(*end)).c_str(), O_RDONLY);
        if (file >= 0)
            Fd(static_cast<int>(file)).reset();
        return file;
    }
    return -ENOENT;
}

// Of the stack, which is there.
long pagemap()
{
    Fd pagemap = own_pagemap();
    uint64_t entry = 0;
    long r = sys::call(SYS_pread64, pagemap.get(), &entry, 8, reinterpret_cast<uint64_t>(&entry) / kPage * 8);
    return r < 0 ? r : entry & sys::kEntryPresent ? 0 : -ENODATA;
}

long prctl_mm_map()
{
    unsigned size = 0;
    return sys::call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0);
}

long vdso_mremap()
{
    return in_child([] {
        Area vdso = area_named("[vdso]");
        if (!vdso.start)
            return -ENODATA + 0l;
        long to = move(vdso);
        if (to < 0)
            return to;
        return area_named("[vdso]").start == static_cast<uint64_t>(to) ? 0l : -EINVAL + 0l;
    });
}

long pagemap_scan()
{
    Fd pagemap = own_pagemap();
    sys::PageRegion region{};
    sys::PagemapScan scan;
    scan.start = reinterpret_cast<uint64_t>(&region) & ~(kPage - 1);
    scan.end = scan.start + kPage;
    scan.vec = reinterpret_cast<uint64_t>(&region);
    scan.vec_len = 1;
    scan.category_mask = scan.return_mask = sys::kPageIsPresent;
    return sys::pagemap_scan(pagemap.get(), scan);
}

long guard_pages()
{
    return in_child([] {
        long page = map_pages(kPage);
        long r = page < 0 ? page : sys::call(SYS_madvise, page, kPage, kGuardInstall);
        if (r < 0)
            return r;
        Fd pagemap = own_pagemap();
        sys::PageRegion region{};
        sys::PagemapScan scan;
        scan.start = static_cast<uint64_t>(page);
        scan.end = scan.start + kPage;
        scan.vec = reinterpret_cast<uint64_t>(&region);
        scan.vec_len = 1;
        scan.category_mask = scan.return_mask = sys::kPageIsGuard;
        r = sys::pagemap_scan(pagemap.get(), scan);
        return r < 0 ? r : r == 1 ? 0l : -ENODATA + 0l;
    });
}

// Forgotten, then written to: the bit is back, where the kernel keeps it at all.
long soft_dirty()
{
    return in_child([] {
        long page = map_pages(kPage);
        if (page < 0)
            return page;
        auto address = static_cast<uint64_t>(page);
        touch(address);
        Fd pagemap = own_pagemap();
        long clear = sys::try_open_at(AT_FDCWD, "/proc/self/clear_refs", O_WRONLY);
        long r = clear < 0 ? clear : sys::call(SYS_write, clear, "4", 1);
        if (r < 0)
            return r;
        uint64_t before = 0, after = 0;
        sys::call(SYS_pread64, pagemap.get(), &before, 8, address / kPage * 8);
        touch(address);
        sys::call(SYS_pread64, pagemap.get(), &after, 8, address / kPage * 8);
        return !(before & kSoftDirty) && after & kSoftDirty ? 0l : -EOPNOTSUPP + 0l;
    });
}

long write_tracking() { return with_userfaultfd(sys::kUffdWpAsync); }

// Write-protection of what is in memory, by which a snapshot is taken.
long write_holding() { return with_userfaultfd(UFFD_FEATURE_PAGEFAULT_FLAG_WP); }

long numa()
{
    int mode;
    return sys::call(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0);
}

long local_descriptors()
{
    char entry[8];
    return sys::call(SYS_modify_ldt, 0, entry, sizeof entry);
}

long anonymous_names()
{
    return in_child([] {
        constexpr int kSetVma = 0x53564d41; // PR_SET_VMA, PR_SET_VMA_ANON_NAME
        long at = sys::call(SYS_mmap, 0, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return at < 0 ? at : sys::call(SYS_prctl, kSetVma, 0, at, kPage, "trial");
    });
}

long mseal()
{
    return in_child([] {
        constexpr long kMseal = 462; // Linux 6.10
        long at = sys::call(SYS_mmap, 0, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return at < 0 ? at : sys::call(kMseal, at, kPage, 0);
    });
}

long mdwe()
{
    constexpr int kGetMdwe = 66; // PR_GET_MDWE, Linux 6.3
    return sys::call(SYS_prctl, kGetMdwe, 0, 0, 0, 0);
}

long memory_merge()
{
    constexpr int kGetMemoryMerge = 68; // PR_GET_MEMORY_MERGE, Linux 6.4
    return sys::call(SYS_prctl, kGetMemoryMerge, 0, 0, 0, 0);
}

// Either way would do to know what changed.
long dirty_track()
{
    long r = write_tracking();
    return r < 0 ? soft_dirty() : r;
}

// The address of its ring is the name of a context.
long aio_remap()
{
    return in_child([] {
        aio_context_t context = 0;
        long r = sys::call(SYS_io_setup, 1, &context);
        if (r < 0)
            return r;
        Area ring{context, context};
        std::string start = hex(context) + "-", maps = text_of("/proc/self/maps");
        if (size_t at = maps.find(start); at != std::string::npos) {
            std::string_view rest = std::string_view(maps).substr(at + start.size());
            ring.end = parse_int<uint64_t>(take_until(rest, ' '), 16).value_or(context);
        }
        long to = move(ring);
        timespec none{};
        io_event event;
        return to < 0 ? to : sys::call(SYS_io_getevents, to, 0, 1, &event, &none);
    });
}

long memfd()
{
    long fd = sys::call(SYS_memfd_create, "cr-check", MFD_CLOEXEC);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return fd;
}

long memfd_hugetlb()
{
    long fd = sys::call(SYS_memfd_create, "cr-check", MFD_CLOEXEC | MFD_HUGETLB);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return fd;
}

long uffd() { return with_userfaultfd(0); }

long uffd_noncoop()
{
    return with_userfaultfd(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |
                            UFFD_FEATURE_EVENT_UNMAP);
}

long can_map_vdso()
{
    return in_child([] { return map_vdso(ARCH_MAP_VDSO_64); });
}

long compat()
{
    return in_child([] { return map_vdso(ARCH_MAP_VDSO_32); });
}

} // namespace cr::feature::probe
