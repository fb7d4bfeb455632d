#include "libcr/mm/tracker.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/pagemap.h"
#include "libcr/sys/userfaultfd.h"

#include <fcntl.h>

namespace cr::mm
{

namespace
{

Fd pagemap_of(const proc::PidDir &task) { return sys::open_at(task.fd(), "pagemap", O_RDONLY); }

// Pages that are there, in areas whose protections go away by themselves.
sys::PagemapScan watched_pages(const std::vector<Range> &areas)
{
    sys::PagemapScan arg;
    arg.start = areas.front().start.value;
    arg.end = areas.back().end.value;
    arg.category_mask = sys::kPageIsWpAllowed;
    arg.category_anyof_mask = sys::kPageIsPresent | sys::kPageIsSwapped;
    return arg;
}

class ByProtection : public Tracker
{
  public:
    ByProtection(Fd earlier, Fd fresh) : earlier_(std::move(earlier)), fresh_(std::move(fresh)) {}

    std::vector<Range> unchanged(const proc::PidDir &task, const std::vector<Range> &areas) override
    {
        if (!earlier_ || areas.empty())
            return {};
        std::vector<Range> pages = protected_pages(task, areas);
        // Only we may watch the area twice: whoever else protects it does so for another dump than ours.
        std::vector<Range> ours;
        for (const Range &area : areas)
            if (!intersect(pages, {area}).empty() &&
                sys::uffd_watch_writes(earlier_.get(), area.start, area.size()) == 0)
                ours.push_back(area);
        return intersect(pages, ours);
    }

    void begin(const proc::PidDir &task, const std::vector<Range> &areas) override
    {
        earlier_.reset(); // an area has one watcher
        if (!fresh_ || areas.empty())
            return;
        if (sys::uffd_begin(fresh_.get(), UFFD_FEATURE_PAGEFAULT_FLAG_WP | sys::kUffdWpAsync) < 0 ||
            !watch(areas) || !protect(task, areas)) {
            log::info(cat("pid ", task.pid(), ": the kernel does not note what it writes"));
            fresh_.reset();
        }
    }

    Fd keep() override { return std::move(fresh_); }

  private:
    static std::vector<Range> protected_pages(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        std::vector<Range> out;
        std::vector<sys::PageRegion> regions(4096);
        Fd pagemap = pagemap_of(task);
        sys::PagemapScan arg = watched_pages(areas);
        arg.category_mask |= sys::kPageIsWritten;
        arg.category_inverted = sys::kPageIsWritten; // not written
        arg.return_mask = sys::kPageIsPresent;
        arg.vec = reinterpret_cast<uint64_t>(regions.data());
        arg.vec_len = regions.size();
        for (;; arg.start = arg.walk_end) {
            long n = sys::pagemap_scan(pagemap.get(), arg);
            if (n < 0)
                return {};
            for (long i = 0; i < n; i++)
                out.push_back({TargetAddr(regions[i].start), TargetAddr(regions[i].end)});
            if (static_cast<uint64_t>(n) < arg.vec_len)
                return out;
        }
    }

    // Some areas may be somebody else's.
    bool watch(const std::vector<Range> &areas)
    {
        bool any = false;
        for (const Range &area : areas)
            any |= sys::uffd_watch_writes(fresh_.get(), area.start, area.size()) == 0;
        return any;
    }

    // All pages there are. Others are not protected when they come. A scan that need not tell what it protects takes a
    // short way that looks at no condition, and marks pages that are not there, too (fs/proc/task_mmu.c): the next scan
    // would take the marks for swapped pages, and reading those makes the task grow.
    bool protect(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        std::vector<sys::PageRegion> regions(4096);
        Fd pagemap = pagemap_of(task);
        sys::PagemapScan arg = watched_pages(areas);
        arg.flags = sys::kScanProtect;
        arg.return_mask = sys::kPageIsPresent;
        arg.vec = reinterpret_cast<uint64_t>(regions.data());
        arg.vec_len = regions.size();
        for (;; arg.start = arg.walk_end) {
            long n = sys::pagemap_scan(pagemap.get(), arg);
            if (n < 0)
                return false;
            if (static_cast<uint64_t>(n) < arg.vec_len)
                return true;
        }
    }

    Fd earlier_, fresh_;
};

} // namespace

std::unique_ptr<Tracker> track_by_protection(Fd earlier, Fd fresh)
{
    return std::make_unique<ByProtection>(std::move(earlier), std::move(fresh));
}

} // namespace cr::mm
