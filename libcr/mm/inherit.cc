// What a child takes over from its cloner, found by comparing images: areas first, then their pages.
#include "libcr/mm/plan.h"

#include "libcr/base/error.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace cr::mm
{

namespace
{

using Vma = img::vma_entry;

bool same_area(const Vma &a, const Vma &b)
{
    return a.start() == b.start() && a.end() == b.end() && a.pgoff() == b.pgoff() && a.shmid() == b.shmid() &&
           a.prot() == b.prot() && a.flags() == b.flags() && a.status() == b.status() &&
           a.madv() == b.madv() && same_extras(a, b) && a.fdflags() == b.fdflags();
}

// A fork does not hand these on, or empty.
bool survives_fork(const Vma &vma)
{
    return !(vma.madv() & (1ull << MADV_DONTFORK | 1ull << MADV_WIPEONFORK)) &&
           !(vma.flags() & kMapDroppable) && !has(vma, kVmaAioRing) &&
           !is_huge(vma); // huge pages are not given back in parts
}

// Walks the pages that two tasks store for one area, side by side.
class Comparison
{
  public:
    Comparison(const TaskPlan &child, const TaskPlan &cloner, AreaPlan &area,
               const std::vector<Fd> &our_pages, const std::vector<Fd> &their_pages)
        : area_(area), child_(child), cloner_(cloner), our_pages_(our_pages), their_pages_(their_pages), ours_(child.contents(*area.vma)),
          theirs_(cloner.contents(*area.vma))
    {
    }

    // False when so much differs that the child is better off without.
    bool run();

  private:
    static constexpr uint64_t kBlock = 32 * 1024;

    void compare(uint64_t size, const Fill &ours, const Fill &theirs);
    static void append(std::vector<Range> &out, TargetAddr start, uint64_t size)
    {
        if (!out.empty() && out.back().end == start)
            out.back().end = start + size;
        else
            out.push_back({start, start + size});
    }
    void only_ours(TargetAddr start, uint64_t size)
    {
        append(area_.differing, start, size);
        differing_ += size / kPageSize;
    }

    bool stored_once(const Fill &ours, const Fill &theirs) const
    {
        return ours.offset == theirs.offset &&
               child_.pagemap.sources[ours.source] == cloner_.pagemap.sources[theirs.source];
    }

    AreaPlan &area_;
    const TaskPlan &child_, &cloner_;
    const std::vector<Fd> &our_pages_, &their_pages_; // by source
    std::vector<Fill> ours_, theirs_;
    uint64_t equal_ = 0, differing_ = 0; // pages
};

void Comparison::compare(uint64_t size, const Fill &ours, const Fill &theirs)
{
    if (stored_once(ours, theirs)) {
        equal_ += size / kPageSize;
        return;
    }
    int our_pages = our_pages_[ours.source].get(), their_pages = their_pages_[theirs.source].get();
    uint8_t a[kBlock], b[kBlock];
    for (uint64_t done = 0; done < size; done += kBlock) {
        uint64_t n = std::min(kBlock, size - done);
        if (sys::pread_up_to(our_pages, a, n, ours.offset + done, "pages") != n ||
            sys::pread_up_to(their_pages, b, n, theirs.offset + done, "pages") != n)
            bad_image("a pages file got shorter while it was read");
        for (uint64_t page = 0; page < n; page += kPageSize) {
            if (std::memcmp(a + page, b + page, kPageSize) == 0)
                equal_++;
            else
                only_ours(ours.to + done + page, kPageSize);
        }
    }
}

bool Comparison::run()
{
    auto ours = ours_.begin(), theirs = theirs_.begin();
    auto skip = [](auto &fill, uint64_t n) {
        fill->to = fill->to + n;
        fill->offset += n;
        fill->size -= n;
        if (fill->size == 0)
            ++fill;
    };
    while (ours != ours_.end() || theirs != theirs_.end()) {
        if (differing_ > equal_ + 64)
            return false;
        if (theirs == theirs_.end() || (ours != ours_.end() && ours->to < theirs->to)) {
            uint64_t n = theirs == theirs_.end() ? ours->size : std::min(ours->size, theirs->to - ours->to);
            only_ours(ours->to, n);
            skip(ours, n);
        } else if (ours == ours_.end() || theirs->to < ours->to) {
            uint64_t n = ours == ours_.end() ? theirs->size : std::min(theirs->size, ours->to - theirs->to);
            append(area_.absent, theirs->to, n);
            skip(theirs, n);
        } else {
            uint64_t n = std::min({ours->size, theirs->size, uint64_t{4} << 20});
            compare(n, *ours, *theirs);
            skip(ours, n);
            skip(theirs, n);
        }
    }
    return differing_ <= equal_ + 8;
}

} // namespace

void inherit(TaskPlan &child, TaskPlan &cloner)
{
    // The kernel lets nobody change its executable while the old one is mapped.
    if (child.mm->exe_file_id() != cloner.mm->exe_file_id())
        return;
    bool stored = !child.pagemap.runs.empty() && !cloner.pagemap.runs.empty();
    std::vector<Fd> our_pages, their_pages;
    if (stored) {
        our_pages = child.open_pages();
        their_pages = cloner.open_pages();
    }
    auto theirs = cloner.areas.begin();
    for (AreaPlan &ours : child.areas) {
        while (theirs != cloner.areas.end() && theirs->vma->start() < ours.vma->start())
            ++theirs;
        if (theirs == cloner.areas.end() || !same_area(*ours.vma, *theirs->vma) || !survives_fork(*ours.vma))
            continue;
        if (has_private_pages(*ours.vma) && !Comparison(child, cloner, ours, our_pages, their_pages).run()) {
            ours.differing.clear();
            ours.absent.clear();
            continue;
        }
        ours.inherited = ours.early = true;
        theirs->early = true;
    }
}

} // namespace cr::mm
