// Which pages of a task did not change since an earlier dump. A tracker says so only of pages that the kernel
// vouches for; all others are stored again: a page that was wrongly taken for unchanged is a broken
// checkpoint, one that was wrongly taken for changed costs 4 KiB.
//
// By write-protection (userfaultfd(2) with UFFD_FEATURE_WP_ASYNC, Linux 6.7): the pages are write-protected,
// the first write to one takes its protection away in the kernel, nobody waits for us. What is protected
// still was not written. This lives as long as somebody holds the descriptor, and goes with the areas:
//   - munmap, a new mapping at the place, execve, MREMAP to another place: not watched any more, so changed
//   - MADV_DONTNEED: the page is not there; the next one at the place is not protected
//   - fork: the child is not watched, the parent goes on as before
//   - an area that somebody else watches cannot be watched by us, so it always counts as changed
//
// By soft-dirty bits (Documentation/admin-guide/mm/soft-dirty.rst, CONFIG_MEM_SOFT_DIRTY), where the kernel does
// not write-protect like that: they are cleared, and the first write to a page sets its bit again, as does mapping
// the area anew or moving it. There is one set of bits for all that ask, so who has cleared them holds a lock on the
// task's pagemap file, and while he does nobody else of us clears them. The kernel's zero page can come without a
// bit to a place that was given back: only pages that are mapped nowhere else are vouched for, which it never is.
// Whole tables of pages that mremap moves (2 MiB and more) keep their bits as they are. So the areas are watched by
// a userfaultfd as well, though nothing is protected: what was moved is not watched any more.
//
// Private anonymous memory only; pages of files and shared memory are always stored.
#pragma once

#include "libcr/mm/scan.h"

#include <memory>
#include <vector>

namespace cr::mm
{

// What somebody must hold on to until the next dump.
struct Watch {
    Fd fd; // empty: nothing is noted
    bool soft_dirty = false;
    Fd moves; // of soft_dirty: the userfaultfd that tells what was not moved
};

class Tracker
{
  public:
    virtual ~Tracker() = default;
    // The pages that are there and as they were at the earlier dump. The task stands still. `areas`: private
    // anonymous ones, sorted, disjoint.
    virtual std::vector<Range> unchanged(const proc::PidDir &task, const std::vector<Range> &areas) = 0;
    // From now on. The task stands still, and unchanged() is not asked any more.
    virtual void begin(const proc::PidDir &task, const std::vector<Range> &areas) = 0;
    virtual Watch keep() = 0;
};

// `earlier`: what an earlier tracker's keep() gave; empty: everything has changed. `fresh`: a userfaultfd of
// the task; empty: it may not have one.
std::unique_ptr<Tracker> track(Watch earlier, Fd fresh);

} // namespace cr::mm
