#include "libcr/mm/tracker.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/pagemap.h"
#include "libcr/sys/userfaultfd.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>

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

class WriteTracker : public Tracker
{
  public:
    WriteTracker(Watch earlier, Fd fresh) : earlier_(std::move(earlier)), fresh_(std::move(fresh)) {}

    std::vector<Range> unchanged(const proc::PidDir &task, const std::vector<Range> &areas) override
    {
        if (!earlier_.fd || areas.empty())
            return {};
        return earlier_.soft_dirty ? clean_pages(still_in_place(areas)) : still_protected(task, areas);
    }

    void begin(const proc::PidDir &task, const std::vector<Range> &areas) override
    {
        (earlier_.soft_dirty ? earlier_.moves : earlier_.fd).reset(); // an area has one watcher
        if (areas.empty())
            return;
        bool noted = fresh_ && (write_protects() ? protect(task, watch(areas)) : clear(task, areas));
        if (!noted)
            log::info(cat("pid ", task.pid(), ": the kernel does not note what it writes"));
    }

    Watch keep() override { return std::move(next_); }

  private:
    // Only we may watch the area twice: whoever else protects it does so for another dump than ours.
    std::vector<Range> still_protected(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        std::vector<Range> pages = protected_pages(task, areas);
        std::vector<Range> ours;
        for (const Range &area : areas)
            if (!intersect(pages, {area}).empty() &&
                sys::uffd_watch_writes(earlier_.fd.get(), area.start, area.size()) == 0)
                ours.push_back(area);
        return intersect(pages, ours);
    }

    static std::vector<Range> protected_pages(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        sys::PagemapScan arg = watched_pages(areas);
        arg.category_mask |= sys::kPageIsWritten;
        arg.category_inverted = sys::kPageIsWritten; // not written
        std::vector<Range> out;
        return find_pages(task, arg, out) ? out : std::vector<Range>();
    }

    static bool find_pages(const proc::PidDir &task, sys::PagemapScan arg, std::vector<Range> &out)
    {
        std::vector<sys::PageRegion> regions(4096);
        Fd pagemap = pagemap_of(task);
        arg.return_mask = sys::kPageIsPresent;
        arg.vec = reinterpret_cast<uint64_t>(regions.data());
        arg.vec_len = regions.size();
        for (;; arg.start = arg.walk_end) {
            long n = sys::pagemap_scan(pagemap.get(), arg);
            if (n < 0)
                return false;
            for (long i = 0; i < n; i++)
                out.push_back({TargetAddr(regions[i].start), TargetAddr(regions[i].end)});
            if (static_cast<uint64_t>(n) < arg.vec_len)
                return true;
        }
    }

    // What our descriptor watches still has not been moved, nor is it new.
    std::vector<Range> still_in_place(const std::vector<Range> &areas)
    {
        std::vector<Range> out;
        for (const Range &area : areas)
            if (earlier_.moves && sys::uffd_protect(earlier_.moves.get(), area.start, kPageSize, false) == 0 &&
                sys::uffd_watch_writes(earlier_.moves.get(), area.start, area.size()) == 0) // not somebody else
                out.push_back(area);
        return out;
    }

    // Whether the kernel does; the descriptor may be used then.
    bool write_protects()
    {
        return sys::uffd_begin(fresh_.get(), UFFD_FEATURE_PAGEFAULT_FLAG_WP | sys::kUffdWpAsync) == 0;
    }

    // Those that are ours now: some areas may be somebody else's.
    std::vector<Range> watch(const std::vector<Range> &areas)
    {
        std::vector<Range> out;
        for (const Range &area : areas)
            if (sys::uffd_watch_writes(fresh_.get(), area.start, area.size()) == 0)
                out.push_back(area);
        return out;
    }

    // All pages there are. Others are not protected when they come; the kernel would mark the places of those, which the
    // next scan would take for swapped pages, and reading such makes the task grow. Not by PAGEMAP_SCAN itself
    // (PM_SCAN_WP_MATCHING): on a Linux 6.18 under PVM some 5 % of the steps then missed writes to pages that had been
    // written shortly before, until the next fork, as if the processor had kept what it knew of them.
    bool protect(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        if (areas.empty())
            return false;
        std::vector<Range> pages;
        if (!find_pages(task, watched_pages(areas), pages))
            return false;
        for (const Range &range : intersect(pages, areas))
            if (sys::uffd_protect(fresh_.get(), range.start, range.size(), true) < 0)
                return false;
        next_.fd = std::move(fresh_);
        return true;
    }

    std::vector<Range> clean_pages(const std::vector<Range> &areas)
    {
        constexpr uint64_t kWanted = sys::kEntryPresent | sys::kEntryExclusive;
        constexpr uint64_t kUnwanted = sys::kEntrySwapped | sys::kEntryFile | sys::kEntrySoftDirty;
        std::vector<Range> out;
        std::vector<uint64_t> entries(8192);
        for (const Range &area : areas)
            for (TargetAddr at = area.start; at < area.end;) {
                size_t n = std::min((area.end - at) / kPageSize, entries.size());
                if (sys::call(SYS_pread64, earlier_.fd.get(), entries.data(), n * 8, at.value / kPageSize * 8) !=
                    static_cast<long>(n * 8))
                    return {};
                for (size_t i = 0; i < n; i++, at = at + kPageSize) {
                    if ((entries[i] & (kWanted | kUnwanted)) != kWanted)
                        continue;
                    if (!out.empty() && out.back().end == at)
                        out.back().end = at + kPageSize;
                    else
                        out.push_back({at, at + kPageSize});
                }
            }
        return out;
    }

    // False when the kernel keeps no such bits, or they are another dump's.
    bool clear(const proc::PidDir &task, const std::vector<Range> &areas)
    {
        if (!sys::keeps_soft_dirty() || sys::uffd_begin(fresh_.get(), UFFD_FEATURE_PAGEFAULT_FLAG_WP) < 0 ||
            watch(areas).empty())
            return false;
        Fd pagemap = std::move(earlier_.fd);
        if (!pagemap) {
            pagemap = pagemap_of(task);
            if (sys::call(SYS_flock, pagemap.get(), LOCK_EX | LOCK_NB) < 0) {
                log::warning(cat("pid ", task.pid(), ": another dump keeps track of what it writes: the next dump ",
                                 "after this one stores all its memory again"));
                return false;
            }
        }
        long file = sys::try_open_at(task.fd(), "clear_refs", O_WRONLY);
        if (file < 0)
            return false;
        Fd clear_refs(static_cast<int>(file));
        if (sys::call(SYS_write, clear_refs.get(), "4", 1) < 0)
            return false;
        next_ = {std::move(pagemap), true, std::move(fresh_)};
        return true;
    }

    Watch earlier_, next_;
    Fd fresh_;
};

} // namespace

std::unique_ptr<Tracker> track(Watch earlier, Fd fresh)
{
    return std::make_unique<WriteTracker>(std::move(earlier), std::move(fresh));
}

} // namespace cr::mm
