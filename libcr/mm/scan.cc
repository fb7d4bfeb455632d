#include "libcr/mm/scan.h"

#include "libcr/base/text.h"
#include "libcr/mm/page_buffer.h"
#include "libcr/sys/file.h"
#include "libcr/sys/pagemap.h"

#include <algorithm>
#include <memory>
#include <span>

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
    static void find_large(TargetAddr start, std::span<const uint64_t> entries, Scan &out);
    [[noreturn]] void fail(long result)
    {
        failed_with(static_cast<int>(-result), cat("read /proc/", task_.pid(), "/pagemap"));
    }

    const proc::PidDir &task_;
    Fd pagemap_;
    static constexpr size_t kRegions = 4096;
    std::unique_ptr<PageRegion[]> regions_ = std::make_unique_for_overwrite<PageRegion[]>(kRegions);
    std::vector<uint64_t> entries_;
};

bool Scanner::scan(Range range, bool own_of_file, Scan &out)
{
    sys::PagemapScan arg;
    arg.category_anyof_mask = sys::kPageIsPresent | sys::kPageIsSwapped;
    arg.category_mask = sys::kPageIsPfnZero | (own_of_file ? sys::kPageIsFile : 0);
    arg.category_inverted = arg.category_mask; // must be neither
    constexpr uint64_t kAlways = sys::kPageIsHuge;
    arg.return_mask = kAlways | sys::kPageIsGuard;
    arg.vec = reinterpret_cast<uint64_t>(regions_.get());
    arg.vec_len = kRegions;
    arg.end = range.end.value;
    for (arg.start = range.start.value;; arg.start = arg.walk_end) {
        long n = sys::pagemap_scan(pagemap_.get(), arg);
        if (n == -EINVAL && arg.return_mask != kAlways) { // before 6.16
            arg.return_mask = kAlways;
            n = sys::pagemap_scan(pagemap_.get(), arg);
        }
        if (n == -ENOTTY)
            return false;
        if (n < 0)
            fail(n);
        for (long i = 0; i < n; i++) {
            TargetAddr start(regions_[i].start), end(regions_[i].end);
            append(regions_[i].categories & sys::kPageIsGuard ? out.guards : out.pages, start, end);
            if (regions_[i].categories & sys::kPageIsHuge)
                append(out.large, start, end);
        }
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
        if (!own_of_file)
            find_large(at, std::span(entries_).first(n), out);
        at = at + n * kPageSize;
    }
}

// The file does not tell of huge pages, but where the frames of one lie, to those with privileges: one after
// the other, which 512 small ones hardly ever do.
void Scanner::find_large(TargetAddr start, std::span<const uint64_t> entries, Scan &out)
{
    constexpr uint64_t kLargePage = PageBuffer::kLargePage, kPages = kLargePage / kPageSize, kFrame = (1ull << 55) - 1;
    uint64_t first = (kLargePage - start.value % kLargePage) % kLargePage / kPageSize;
    for (uint64_t at = first; at + kPages <= entries.size(); at += kPages) {
        uint64_t frame = entries[at] & kFrame;
        bool large = frame && frame % kPages == 0;
        for (uint64_t i = 0; large && i < kPages; i++)
            large = (entries[at + i] & sys::kEntryPresent) && (entries[at + i] & kFrame) == frame + i;
        if (large)
            append(out.large, start + at * kPageSize, start + (at + kPages) * kPageSize);
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
    Scan out{intersect(anonymous.pages, anonymous_areas), intersect(anonymous.large, anonymous_areas),
             anonymous.guards, 0};
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
