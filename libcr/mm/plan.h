// How one task's memory will be put together, decided before anything is made. Pure but for comparing
// contents.
//
// A task is cloned from another one of the tree (its cloner) or, for the first, from ourselves. What cloner
// and child have in common, areas with equal bounds, properties and mostly equal pages, is mapped and filled
// by the cloner before it clones: the child has it at once, copy-on-write, as after the fork that made the
// original. So the memory of a task has an early part, which it has when it clones, and a late part.
//
//     cloner:  begin, early part (map, fill, protect), clone children, late part (map, fill, protect, finish)
//     child:   begin: unmap what is not common, then its own early part: the pages that differ, ...
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/pages.h"
#include "libcr/mm/scan.h"
#include "libcr/mm/vdso_proxy.h"
#include "libcr/mm/vma.h"
#include "mm.pb.h"

#include <deque>
#include <span>
#include <sys/types.h>
#include <vector>

namespace cr::mm
{

// Contents from one of the task's pages files.
struct Fill {
    TargetAddr to;
    uint64_t size = 0, offset = 0; // bytes, offset in the file
    uint32_t source = 0;           // which of its pagemap's
};

struct AreaPlan {
    const img::vma_entry *vma = nullptr;
    bool inherited = false; // the cloner has it when it clones us
    bool early = false;     // we have it when we clone
    // Of an inherited area: pages that we have and the cloner has not, or not so; and the reverse.
    std::vector<Range> differing, absent;
};

// The ring of an asynchronous I/O context (aio.h).
struct RingPlan {
    const img::vma_entry *vma;
    uint32_t requests;   // for io_setup(2)
    uint32_t head, tail; // numbers of events
};

// When memory that is touched for the first time gets transparent huge pages.
enum class LargePages { Never, Advised, Always };

struct TaskPlan {
    // Takes over a pagemap that check_pages() found good. `dir` and `mm` must stay where they are.
    TaskPlan(const image::Dir &dir, pid_t pid, const img::mm_entry &mm, image::Pagemap pagemap);
    // Reads and checks the pagemap of task `pid`.
    static TaskPlan read(const image::Dir &dir, pid_t pid, const img::mm_entry &mm);

    // The files with the contents; not held open, since there is at least one per task.
    std::vector<Fd> open_pages() const { return image::open_all_pages(*dir, pagemap); }
    // The stored contents of an area, as fills.
    std::vector<Fill> contents(const img::vma_entry &vma) const;

    const image::Dir *dir;
    pid_t pid;
    const img::mm_entry *mm;
    bool code_32 = false; // the task runs 32-bit code
    LargePages large = LargePages::Never;
    image::Pagemap pagemap;
    std::vector<AreaPlan> areas; // without the kernel's own
    std::vector<RingPlan> rings; // filled in by plan_rings()
    // Filled in by decide_vdso().
    VdsoPlace vdso;                       // where the kernel's own come to lie; empty: it has none
    std::vector<Jump> jumps;              // to be written into the vDSO that it ran with
    std::deque<img::vma_entry> as_memory; // the areas of that one

    // Filled in by decide_fills().
    struct Part {
        std::vector<Fill> fills; // those of one file by offset
        bool outside = false; // so much that the coordinator does it with two threads (fill.h), at a barrier
    };
    Part early, late;
};

// Whether the areas of this machine's vDSO, whose code is `code`, take the place of those in the image, or
// those stay as memory. Comes before inherit(). Throws Refused when neither can be.
void decide_vdso(TaskPlan &plan, const VdsoPlace &host, std::span<const uint8_t> code);

// Decides what `child` takes over from `cloner`; marks the cloner's areas as early. To be called for all
// pairs, cloners first, before anything else is asked of the plans.
void inherit(TaskPlan &child, TaskPlan &cloner);

// After all inherit(): what remains to be filled in each part, and by whom.
void decide_fills(TaskPlan &plan);

} // namespace cr::mm
