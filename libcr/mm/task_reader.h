// One task's address space: areas from smaps, pages from the pagemap, the layout that the kernel keeps beside
// (where code, data, heap, arguments are) from stat and auxv.
//
// smaps is dear for a task of tens of thousands of areas (80 ms for 30,000), and for what must be copied maps
// tells enough (11 ms); for one of large memory, too (14 ms for each GiB of small pages). So of such a task only
// maps is read at first, and a thread of its own reads the rest, from smaps or quicker (area_flags.h), while the
// caller copies: pages() first, then, when that is done, describe().
#pragma once

#include "libcr/mm/area_flags.h"
#include "libcr/mm/copy.h"
#include "libcr/mm/objects.h"
#include "libcr/mm/policies.h"
#include "libcr/mm/scan.h"
#include "libcr/mm/tracker.h"
#include "libcr/proc/maps.h"
#include "mm.pb.h"

#include <future>
#include <memory>
#include <optional>

namespace cr::mm
{

struct TaskToCapture {
    pid_t pid = 0;      // as this machine sees it
    uint32_t image = 0; // its number in image names
    int dumpable = 1;
    uint32_t thp_disable = 0, mdwe = 0; // PR_GET_THP_DISABLE, PR_GET_MDWE
    bool memory_merge = false;          // PR_GET_MEMORY_MERGE
    std::string ldt;                    // as modify_ldt(2) reads it
    img::cr_numa_policy_entry numa;     // of its leader, which its areas show where they have none
    std::optional<uint64_t> brk;        // the program break; the end of [heap] when nobody asked the task
    Fd userfaultfd;                     // its writes may be held back by it; empty: they may not
    std::vector<uint64_t> never_held;   // pages where they must not be, sorted
    std::unique_ptr<Tracker> tracker;   // of what it writes; instead of holding back
    bool in_parent = false;             // an earlier dump of it is in the parent directory
};

// What has to be copied.
struct TaskPages {
    std::vector<Range> ranges, unreadable; // the latter without PROT_READ
    std::vector<Range> anonymous;          // private anonymous areas
    std::vector<Range> of_files;           // private areas of files
    Instead instead;                       // of what calls made in the task left behind the vDSO's segments
    uint64_t scanned = 0;
};

class TaskReader
{
  public:
    // `dir` must outlive the reader.
    // `aside`: smaps is read aside in any case, as its walk over the pages takes as long as protecting them.
    TaskReader(const proc::PidDir &dir, FlagReader &flags, bool aside = false);

    TaskPages pages();
    // True while smaps is still being read: time to do something else.
    bool slow() const { return rest_.valid() && !quick_; }
    // Areas that we write-protect while smaps is read: no property of the task.
    void held(std::vector<Range> areas) { held_ = std::move(areas); }
    // The image. Claims files and shared memory. Throws Refused when there is something that cannot be
    // dumped.
    img::mm_entry describe(const TaskToCapture &task, FileTable &files, SharedTable &shared);

  private:
    void read_rest();
    void take_rest();
    void forget_held();
    Instead rest_of_vdso(const proc::Area &area) const;
    void add_area(const proc::Area &area, FileTable &files, SharedTable &shared, img::mm_entry &mm);
    void add_layout(const TaskToCapture &task, FileTable &files, img::mm_entry &mm);

    const proc::PidDir &dir_;
    proc::SmapsReader smaps_;
    FlagReader &flag_reader_;
    std::vector<proc::Area> areas_; // from maps alone while rest_ is not there
    bool quick_ = false;            // flags come from the kernel, not from smaps
    std::optional<std::vector<sys::AreaFlags>> flags_;
    std::future<void> rest_;
    std::vector<Range> held_;
    std::vector<Range> guards_, large_; // found by pages()
    Policies policies_;
};

} // namespace cr::mm
