#include "libcr/mm/shared.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/pages.h"
#include "libcr/mm/crew.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

// An object cannot be larger than an address space; this is far beyond what any test or program has.
constexpr uint64_t kLargest = 1ull << 46;

// A shared anonymous mapping of our own, gone at the end of the scope.
class Mapping
{
  public:
    Mapping(uint64_t size, uint32_t huge, bool reserved) : size_(size)
    {
        uint32_t flags = MAP_SHARED | MAP_ANONYMOUS | (reserved ? 0u : MAP_NORESERVE) | huge;
        at_ = sys::check(sys::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0),
                         [&] { return cat("make shared memory of ", size, " bytes"); });
    }
    ~Mapping() { sys::call(SYS_munmap, at_, size_); }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    Fd open() const
    {
        auto start = static_cast<uint64_t>(at_);
        std::string path = cat("/proc/self/map_files/", hex(start), "-", hex(start + size_));
        return sys::open_at(AT_FDCWD, path.c_str(), O_RDWR);
    }
    uint8_t *data() const { return reinterpret_cast<uint8_t *>(at_); }

  private:
    long at_;
    uint64_t size_;
};

} // namespace

image::Pagemap shared_contents(const image::Dir &dir, uint64_t id)
{
    if (!dir.has(image::Kind::PagemapShmem, id))
        return {};
    return image::read_pagemap(dir, image::Kind::PagemapShmem, id);
}

// read(2) into the mapping: pages that are not written to stay holes.
void read_shared_contents(const image::Dir &dir, const image::Pagemap &pagemap, uint8_t *to)
{
    constexpr uint64_t kPiece = 2 << 20;
    struct Piece {
        uint64_t to, offset, size;
        uint32_t source;
    };
    std::vector<Piece> pieces;
    for (const image::PageRun &run : pagemap.runs)
        for (uint64_t at = run.present() ? run.start : run.end(); at < run.end(); at += kPiece)
            pieces.push_back(
                {at, run.offset + (at - run.start), std::min(kPiece, run.end() - at), run.source});
    if (pieces.empty())
        return;
    std::vector<Fd> pages = image::open_all_pages(dir, pagemap);
    std::string name = image::file_name(image::Kind::Pages, pagemap.pages_id);
    std::atomic<size_t> next = 0;
    auto work = [&] {
        for (size_t i; (i = next++) < pieces.size();)
            if (sys::pread_up_to(pages[pieces[i].source].get(), to + pieces[i].to, pieces[i].size,
                                 pieces[i].offset, name) != pieces[i].size)
                bad_image(cat(name, ": got shorter while it was read"));
    };
    if (pieces.size() < 4)
        work();
    else
        together(work);
}

std::vector<SharedPlan> plan_shared(const image::Dir &dir, std::span<const img::mm_entry *const> spaces)
{
    std::map<uint64_t, SharedPlan> objects;
    for (const img::mm_entry *space : spaces)
        for (const auto &vma : space->vmas())
            if (has(vma, kVmaAnonShared) && !has(vma, kVmaSysvIpc)) {
                SharedPlan &object = objects[vma.shmid()];
                object.size = std::max(object.size, vma.pgoff() + size_of(vma));
                object.huge = vma.flags() & (kMapHugetlb | kHugeBits);
                object.reserved |= !(vma.flags() & MAP_NORESERVE);
            }
    std::vector<SharedPlan> out;
    for (auto &[id, object] : objects) {
        object.id = id;
        image::Pagemap pagemap = shared_contents(dir, id);
        if (!pagemap.runs.empty())
            object.size = std::max(object.size, pagemap.runs.back().end());
        if (object.huge)
            object.size = (object.size + (1ull << (object.huge >> kHugeShift)) - 1) &
                          ~((1ull << (object.huge >> kHugeShift)) - 1);
        if (object.size > kLargest)
            bad_image(cat("shared memory ", id, " would be ", object.size, " bytes"));
        out.push_back(object);
    }
    return out;
}

Fd make_shared(const image::Dir &dir, const SharedPlan &plan)
{
    auto describe = [&] { return cat("shared memory ", plan.id); };
    Subject subject(describe);
    Mapping mapping(plan.size, plan.huge, plan.reserved);
    read_shared_contents(dir, shared_contents(dir, plan.id), mapping.data());
    return mapping.open();
}

} // namespace cr::mm
