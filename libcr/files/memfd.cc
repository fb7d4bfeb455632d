// memfd: a file in memory without a name, so the images hold all of it: name, size, contents, owner, mode,
// seals. Descriptions and mappings of one file share it; each is opened again through /proc/self/fd.
//
// Seals end what a restore has to do itself: contents come before them, and a seal that forbids new writable
// mappings comes when all tasks have theirs.
//
// Image: the file in memfd.img, its contents like those of shared memory in pagemap-shmem-ID; an entry of
// type MEMFD for each description and each way of mapping.
#include "libcr/files/memfd.h"

#include "libcr/base/addr.h"
#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/reg.h"
#include "libcr/files/tree.h"
#include "libcr/files/unnamed.h"
#include "libcr/image/pages.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr std::string_view kPrefix = "/memfd:", kSuffix = " (deleted)";
constexpr size_t kLongestName = 249; // the kernel's limit
// Of fcntl(2) and memfd_create(2); the newer ones are absent from Debian 12's headers.
constexpr uint32_t kSealWrite = 8, kSealFutureWrite = 16, kSealExec = 32, kAllSeals = 63;
constexpr uint32_t kAllowSealing = 2, kHugetlb = 4, kNoexecSeal = 8, kExec = 16;
constexpr int kHugeShift = 26;
constexpr uint32_t kHugeFlags = kHugetlb | 63u << kHugeShift;
constexpr uint32_t kFirstPagesId = 0x10000000; // cr-dump-mm counts from 1
constexpr uint64_t kPiece = 1 << 20;

bool claims(const Facts &f) { return is_memfd(f); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

// The flags that make one of the same pages; 0 for ordinary ones.
uint32_t huge_flags(int fd)
{
    struct statfs fs;
    sys::check(sys::call(SYS_fstatfs, fd, &fs), "ask for the page size of a memfd");
    if (fs.f_type != HUGETLBFS_MAGIC)
        return 0;
    auto bits = static_cast<uint32_t>(__builtin_ctzll(static_cast<uint64_t>(fs.f_bsize)));
    return kHugetlb | bits << kHugeShift;
}

bool is_zero(const char *page) { return page[0] == 0 && std::memcmp(page, page + 1, kPageSize - 1) == 0; }

// Stores the pages of `bytes`, which lie at `at`, but for those of zeros.
void store_piece(image::PagemapWriter &writer, uint64_t at, const std::string &bytes)
{
    for (size_t begin = 0; begin < bytes.size();) {
        size_t end = begin;
        while (end < bytes.size() && !is_zero(bytes.data() + end))
            end += kPageSize;
        if (end > begin) {
            writer.add(at + begin, (end - begin) / kPageSize);
            sys::write_all(writer.pages_fd(), bytes.data() + begin, end - begin, "pages");
        }
        begin = std::max(end, begin) + (end < bytes.size() ? kPageSize : 0);
    }
}

void store_contents(const image::Dir &images, int fd, const img::memfd_inode_entry &inode)
{
    image::PagemapWriter writer(images, image::Kind::PagemapShmem, inode.shmid(),
                                kFirstPagesId + static_cast<uint32_t>(inode.inode_id()));
    for (uint64_t at = 0; at < inode.size() && !images.is_null();) {
        long data = sys::call(SYS_lseek, fd, at, SEEK_DATA);
        if (data == -ENXIO)
            break;
        at = static_cast<uint64_t>(sys::check(data, "look for holes in a memfd")) & ~(kPageSize - 1);
        long hole = sys::check(sys::call(SYS_lseek, fd, at, SEEK_HOLE), "look for holes in a memfd");
        uint64_t end = page_up(static_cast<uint64_t>(hole));
        for (; at < end; at += kPiece) {
            std::string bytes(std::min(kPiece, end - at), '\0');
            sys::pread_up_to(fd, bytes.data(), bytes.size(), at, "memfd");
            store_piece(writer, at, bytes);
        }
        at = end;
    }
    writer.finish();
}

void capture(Capture &c)
{
    img::memfd_file_entry &memfd = *c.entry().mutable_memfd();
    memfd.set_id(c.id());
    memfd.set_flags(c.flags());
    memfd.set_pos(c.flags() & O_PATH ? 0 : c.facts().info.pos);
    memfd.set_inode_id(c.tree.memfds().add(c.tree.images(), c.facts(), via_of(c.facts())));
    c.owner(*memfd.mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.memfd().flags(), &entry.memfd().fown()};
}

// Of one that the caller of the restore gives.
std::string key_of(const img::memfd_inode_entry &inode) { return external_key(cat(kPrefix, inode.name())); }

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_memfd() || entry.memfd().pos() > INT64_MAX)
        bad_image("a memfd without a possible part");
    if (!plan.memfds().count(entry.memfd().inode_id()))
        bad_image(cat("there is no memfd ", entry.memfd().inode_id(), " in memfd.img"));
    std::string key = key_of(plan.memfds().at(entry.memfd().inode_id()));
    auto is_it = [&](auto &other) { return key_of(other.second) == key; };
    if (plan.inherits(key) && std::count_if(plan.memfds().begin(), plan.memfds().end(), is_it) > 1)
        refused(cat("there are several of the name ", printable(key), ", and --inherit-fd can mean one only"),
                "leave that --inherit-fd out");
}

void check_inode(const img::memfd_inode_entry &inode)
{
    if (inode.name().size() > kLongestName || inode.name().find('\0') != std::string::npos)
        bad_image("no possible name");
    if (inode.size() > INT64_MAX - kPageSize)
        bad_image(cat("a size of ", inode.size()));
    if (inode.seals() & ~kAllSeals || inode.hugetlb_flag() & ~kHugeFlags || inode.mode() & ~(07777u | S_IFMT))
        bad_image(cat("seals 0x", hex(inode.seals()), ", pages 0x", hex(inode.hugetlb_flag()), ", mode 0x",
                      hex(inode.mode())));
}

// ---- restore ----

// By the memory of a mapping, since files of huge pages cannot be written to otherwise.
void fill(const image::Dir &images, const img::memfd_inode_entry &inode, int fd)
{
    if (!images.has(image::Kind::PagemapShmem, inode.shmid()))
        return;
    image::Pagemap pagemap = image::read_pagemap(images, image::Kind::PagemapShmem, inode.shmid());
    if (pagemap.runs.empty())
        return;
    uint64_t end = pagemap.runs.back().end();
    if (end > page_up(inode.size()))
        bad_image(cat("pages up to ", end, " of a memfd of ", inode.size(), " bytes"));
    uint64_t size = inode.hugetlb_flag() ? inode.size() : end;
    long at = sys::check(sys::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
                         [&] { return cat("map a memfd of ", size, " bytes"); });
    std::vector<Fd> pages = image::open_all_pages(images, pagemap);
    for (const image::PageRun &run : pagemap.runs)
        if (run.present())
            sys::pread_up_to(pages[run.source].get(), reinterpret_cast<char *>(at) + run.start,
                             run.end() - run.start, run.offset, "pages");
    sys::check(sys::call(SYS_munmap, at, size), "unmap a memfd");
}

long create(const img::memfd_inode_entry &inode)
{
    uint32_t flags = MFD_CLOEXEC | kAllowSealing | inode.hugetlb_flag();
    const char *name = inode.name().c_str();
    long fd = sys::call(SYS_memfd_create, name, flags | kExec);
    if (fd == -EINVAL) // before Linux 6.3 all are executable
        fd = sys::call(SYS_memfd_create, name, flags);
    if (fd == -EACCES && inode.seals() & kSealExec) // where vm.memfd_noexec is 2
        fd = sys::call(SYS_memfd_create, name, flags | kNoexecSeal);
    return fd;
}

void add_seals(const img::memfd_inode_entry &inode, int fd)
{
    if (inode.seals())
        sys::check(sys::try_fcntl(fd, F_ADD_SEALS, inode.seals()), "seal a memfd");
}

// A mapping that may be written must be made before this seal, one that may not after it.
bool is_sealed_late(const img::memfd_inode_entry &inode)
{
    return (inode.seals() & (kSealFutureWrite | kSealWrite)) == kSealFutureWrite;
}

Fd make(const image::Dir &images, const img::memfd_inode_entry &inode)
{
    auto what = [&] { return cat("memfd ", printable(inode.name())); };
    Subject subject(what);
    Fd fd(static_cast<int>(sys::check(create(inode), "make a memfd")));
    sys::check(sys::call(SYS_ftruncate, fd.get(), inode.size()),
               [&] { return cat("make it ", inode.size(), " bytes large"); });
    fill(images, inode, fd.get());
    sys::check(sys::call(SYS_fchown, fd.get(), inode.uid(), inode.gid()), "give it to its owner");
    if (inode.has_mode())
        sys::check(sys::call(SYS_fchmod, fd.get(), inode.mode() & 07777), "set its mode");
    if (!is_sealed_late(inode))
        add_seals(inode, fd.get());
    return fd;
}

// What is held is only a way to the file: one that could write would keep it from being a program. For the
// same reason the description that came with the file, which does not count as a writer, is given away.
void open(const img::file_entry &entry, Opener &opener)
{
    const img::memfd_file_entry &memfd = entry.memfd();
    uint32_t flags = memfd.flags() & ~uint32_t{O_CREAT | O_EXCL | O_TRUNC};
    Fd &object = opener.held("memfd", memfd.inode_id());
    Fd fd = opener.plan.inherit(key_of(opener.plan.memfds().at(memfd.inode_id())), flags);
    if (fd) {
        object = opener.aside(sys::reopen(fd.get(), O_PATH).get());
    } else if (!object) {
        fd = make(opener.plan.images(), opener.plan.memfds().at(memfd.inode_id()));
        object = opener.aside(sys::reopen(fd.get(), O_PATH).get());
    }
    if (!fd || (flags & (O_ACCMODE | O_PATH)) != O_RDWR)
        fd = sys::reopen(object.get(), static_cast<int>(flags));
    if (!(flags & O_PATH))
        sys::check(sys::call(SYS_lseek, fd.get(), memfd.pos(), SEEK_SET), "set the offset");
    opener.place(entry, std::move(fd));
}

void after_tasks(const img::file_entry &entry, Opener &opener)
{
    uint32_t id = entry.memfd().inode_id();
    const img::memfd_inode_entry &inode = opener.plan.memfds().at(id);
    if (!opener.plan.inherits(key_of(inode)) && is_sealed_late(inode) && opener.first_of("seals of memfd", id))
        add_seals(inode, sys::reopen(opener.held("memfd", id).get(), O_RDWR).get());
}

} // namespace

bool is_memfd(const Facts &facts)
{
    return S_ISREG(facts.st.st_mode) && facts.link.starts_with(kPrefix) && facts.link.ends_with(kSuffix);
}

uint32_t MemfdTable::add(const image::Dir &images, const Facts &facts, const std::string &via)
{
    std::lock_guard lock(mutex_);
    auto [at, is_new] = inodes_.try_emplace({facts.st.st_dev, facts.st.st_ino});
    img::memfd_inode_entry &inode = at->second;
    if (!is_new)
        return static_cast<uint32_t>(inode.inode_id());
    Fd fd = sys::open_at(AT_FDCWD, via.c_str(), O_RDONLY);
    inode.set_name(facts.link.substr(kPrefix.size(), facts.link.size() - kPrefix.size() - kSuffix.size()));
    inode.set_uid(facts.st.st_uid);
    inode.set_gid(facts.st.st_gid);
    inode.set_mode(facts.st.st_mode);
    inode.set_size(static_cast<uint64_t>(facts.st.st_size));
    inode.set_inode_id(inodes_.size());
    long seals = sys::check(sys::try_fcntl(fd.get(), F_GET_SEALS), "read the seals of a memfd");
    inode.set_seals(static_cast<uint32_t>(seals));
    // Its own number, as for shared memory; files of huge pages are counted apart.
    inode.set_shmid(static_cast<uint32_t>(facts.st.st_ino));
    if (uint32_t huge = huge_flags(fd.get())) {
        inode.set_hugetlb_flag(huge);
        inode.set_shmid(inode.shmid() ^ 1u << 31);
    }
    store_contents(images, fd.get(), inode);
    return static_cast<uint32_t>(inode.inode_id());
}

void MemfdTable::write(const image::Dir &images) const
{
    if (inodes_.empty())
        return;
    image::Writer writer(images, image::Kind::Memfd);
    for (auto &[key, inode] : inodes_)
        writer.put(inode);
    writer.finish();
}

std::map<uint32_t, img::memfd_inode_entry> read_memfds(const image::Dir &images)
{
    std::map<uint32_t, img::memfd_inode_entry> out;
    for (img::memfd_inode_entry &inode :
         image::read_all<img::memfd_inode_entry>(images, image::Kind::Memfd)) {
        auto what = [&] { return cat("memfd.img: memfd ", inode.inode_id()); };
        Subject subject(what);
        check_inode(inode);
        auto id = static_cast<uint32_t>(inode.inode_id());
        if (inode.inode_id() > UINT32_MAX || !out.emplace(id, std::move(inode)).second)
            bad_image("its number is not possible, or comes twice");
    }
    return out;
}

const Kind kMemfd = {
    .name = "memfd",
    .type = img::MEMFD,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .after_tasks = after_tasks,
    .kept = "contents, seals, flags, position",
};

} // namespace cr::files
