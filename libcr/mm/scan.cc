#include "libcr/mm/scan.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/pagemap.h"

#include <algorithm>

namespace cr::mm
{

namespace
{

using sys::PageRegion;

// Appends to the last range when it goes on there, so that areas split by the walk's chunks come out whole.
void append(std::vector<Range> &out, TargetAddr start, TargetAddr end)
{
    if (!out.empty() && out.back().end == start)
        out.back().end = end;
    else
        out.push_back({start, end});
}

class Scanner
{
  public:
    Scanner(const proc::PidDir &task) : task_(task), pagemap_(sys::open_at(task.fd(), "pagemap", O_RDONLY)) {}

    // False when the kernel has no PAGEMAP_SCAN.
    bool scan(Range range, bool own_of_file, Scan &out);
    void read(Range range, bool own_of_file, Scan &out);

  private:
    [[noreturn]] void fail(long result)
    {
        failed_with(static_cast<int>(-result), cat("read /proc/", task_.pid(), "/pagemap"));
    }

    const proc::PidDir &task_;
    Fd pagemap_;
    std::vector<PageRegion> regions_ = std::vector<PageRegion>(4096);
    std::vector<uint64_t> entries_;
};

bool Scanner::scan(Range range, bool own_of_file, Scan &out)
{
    sys::PagemapScan arg;
    arg.category_anyof_mask = sys::kPageIsPresent | sys::kPageIsSwapped;
    arg.category_mask = sys::kPageIsPfnZero | (own_of_file ? sys::kPageIsFile : 0);
    arg.category_inverted = arg.category_mask; // must be neither
    arg.return_mask = sys::kPageIsGuard;
    arg.vec = reinterpret_cast<uint64_t>(regions_.data());
    arg.vec_len = regions_.size();
    arg.end = range.end.value;
    for (arg.start = range.start.value;; arg.start = arg.walk_end) {
        long n = sys::pagemap_scan(pagemap_.get(), arg);
        if (n == -EINVAL && arg.return_mask) { // before 6.16
            arg.return_mask = 0;
            n = sys::pagemap_scan(pagemap_.get(), arg);
        }
        if (n == -ENOTTY)
            return false;
        if (n < 0)
            fail(n);
        for (long i = 0; i < n; i++)
            append(regions_[i].categories & sys::kPageIsGuard ? out.guards : out.pages,
                   TargetAddr(regions_[i].start), TargetAddr(regions_[i].end));
        if (static_cast<uint64_t>(n) < arg.vec_len)
            return true;
    }
}

void Scanner::read(Range range, bool own_of_file, Scan &out)
{
    constexpr uint64_t kAtOnce = 8192;
    entries_.resize(kAtOnce);
    for (TargetAddr at = range.start; at < range.end;) {
        uint64_t n = std::min((range.end - at) / kPageSize, kAtOnce);
        long got = sys::call(SYS_pread64, pagemap_.get(), entries_.data(), n * 8, at.value / kPageSize * 8);
        if (got <= 0)
            fail(got ? got : -EIO);
        n = static_cast<uint64_t>(got) / 8;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t entry = entries_[i];
            if (!(entry & (sys::kEntryPresent | sys::kEntrySwapped)) ||
                (own_of_file && (entry & sys::kEntryFile)))
                continue;
            TargetAddr page = at + i * kPageSize;
            append(entry & sys::kEntryGuard ? out.guards : out.pages, page, page + kPageSize);
        }
        at = at + n * kPageSize;
    }
}

void split(const std::vector<ScanArea> &areas, std::vector<Range> &anonymous, std::vector<Range> &file)
{
    for (const ScanArea &area : areas)
        (area.file ? file : anonymous).push_back(area.range);
}

// `anonymous` may hold pages of other areas, `own` only those of file areas.
Scan merge(const std::vector<ScanArea> &areas, const std::vector<Range> &anonymous_areas,
           const Scan &anonymous, const Scan &own)
{
    auto by_start = [](const Range &a, const Range &b) { return a.start < b.start; };
    Scan out{intersect(anonymous.pages, anonymous_areas), anonymous.guards, 0};
    out.pages.insert(out.pages.end(), own.pages.begin(), own.pages.end());
    std::sort(out.pages.begin(), out.pages.end(), by_start);
    for (const ScanArea &area : areas)
        out.scanned += area.range.size() / kPageSize;
    return out;
}

} // namespace

std::vector<Range> intersect(const std::vector<Range> &ranges, const std::vector<Range> &areas)
{
    std::vector<Range> out;
    size_t a = 0;
    for (const Range &range : ranges) {
        while (a < areas.size() && areas[a].end <= range.start)
            a++;
        for (size_t i = a; i < areas.size() && areas[i].start < range.end; i++)
            out.push_back({std::max(range.start, areas[i].start), std::min(range.end, areas[i].end)});
    }
    return out;
}

std::vector<Range> without(const std::vector<Range> &ranges, const std::vector<Range> &other)
{
    std::vector<Range> out;
    auto hole = other.begin();
    for (const Range &range : ranges) {
        TargetAddr at = range.start;
        while (hole != other.end() && hole->end <= at)
            ++hole;
        for (auto h = hole; h != other.end() && h->start < range.end; ++h) {
            if (at < h->start)
                out.push_back({at, h->start});
            at = h->end;
        }
        if (at < range.end)
            out.push_back({at, range.end});
    }
    return out;
}

Scan scan_pages(const proc::PidDir &task, Range whole, const std::vector<ScanArea> &areas)
{
    std::vector<Range> anonymous_areas, file_areas;
    split(areas, anonymous_areas, file_areas);
    Scanner scanner(task);
    Scan anonymous, own;
    if (!scanner.scan(whole, false, anonymous))
        return scan_entries(task, areas);
    for (const Range &area : file_areas)
        if (!scanner.scan(area, true, own))
            return scan_entries(task, areas);
    return merge(areas, anonymous_areas, anonymous, own);
}

Scan scan_entries(const proc::PidDir &task, const std::vector<ScanArea> &areas)
{
    std::vector<Range> anonymous_areas, file_areas;
    split(areas, anonymous_areas, file_areas);
    Scanner scanner(task);
    Scan anonymous, own;
    for (const Range &area : anonymous_areas)
        scanner.read(area, false, anonymous);
    for (const Range &area : file_areas)
        scanner.read(area, true, own);
    return merge(areas, anonymous_areas, anonymous, own);
}

} // namespace cr::mm
