#include "libcr/mm/copy.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/memory.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

bool is_zero_page(const uint8_t *page)
{
    uint64_t first;
    std::memcpy(&first, page, sizeof first);
    return first == 0 && std::memcmp(page, page + sizeof first, kPageSize - sizeof first) == 0;
}

void append(std::vector<Range> &out, TargetAddr start, uint64_t size)
{
    if (!out.empty() && out.back().end == start)
        out.back().end = start + size;
    else
        out.push_back({start, start + size});
}

} // namespace

namespace
{

// Entries of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst), a window at a time: pages are
// asked for in ascending order.
class PageFlags
{
  public:
    explicit PageFlags(int pagemap) : pagemap_(pagemap) {}
    // Anonymous, and in more than one address space.
    bool shared(TargetAddr page)
    {
        uint64_t entry = at(page.value / kPageSize);
        return (entry & kPresent) && !(entry & (kExclusive | kFile));
    }
    // 0: nobody else has it, or we may not know.
    uint64_t shared_frame(TargetAddr page)
    {
        constexpr uint64_t kFrame = (1ull << 55) - 1;
        return shared(page) ? at(page.value / kPageSize) & kFrame : 0;
    }

  private:
    static constexpr uint64_t kPresent = 1ull << 63, kFile = 1ull << 61, kExclusive = 1ull << 56;
    static constexpr size_t kWindow = 512;
    uint64_t at(uint64_t number)
    {
        if (number < first_ || number >= first_ + count_) {
            long got = sys::call(SYS_pread64, pagemap_, entries_, sizeof entries_, number * sizeof(uint64_t));
            first_ = number;
            count_ = got > 0 ? static_cast<size_t>(got) / sizeof(uint64_t) : 0;
        }
        return number < first_ + count_ ? entries_[number - first_] : 0;
    }
    int pagemap_;
    uint64_t first_ = 0;
    size_t count_ = 0;
    uint64_t entries_[kWindow];
};

} // namespace

TaskSource::TaskSource(const proc::PidDir &task, std::vector<Range> unreadable)
    : task_(task), unreadable_(std::move(unreadable))
{
    long fd = sys::call(SYS_openat, task.fd(), "pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0)
        pagemap_ = Fd(static_cast<int>(fd));
}

// The ranges, cut where the way of reading changes.
std::vector<TaskSource::Run> TaskSource::runs_of(std::span<const Range> ranges) const
{
    std::vector<Run> out;
    PageFlags flags(pagemap_.get());
    auto area = unreadable_.begin();
    for (const Range &range : ranges) {
        bool fresh = true;
        for (TargetAddr page = range.start; page < range.end; page = page + kPageSize) {
            while (area != unreadable_.end() && area->end <= page)
                ++area;
            bool by_file =
                (area != unreadable_.end() && area->start <= page) || (pagemap_ && flags.shared(page));
            if (fresh || out.back().by_file != by_file)
                out.push_back({{page, page + kPageSize}, by_file});
            else
                out.back().range.end = page + kPageSize;
            fresh = false;
        }
    }
    return out;
}

void TaskSource::read(std::span<const Range> ranges, uint8_t *to)
{
    std::vector<Range> together;
    uint64_t bytes = 0;
    auto flush = [&] {
        if (!together.empty())
            read_readable(together, to);
        to += bytes;
        together.clear();
        bytes = 0;
    };
    for (const Run &run : runs_of(ranges)) {
        if (!run.by_file) {
            together.push_back(run.range);
            bytes += run.range.size();
            continue;
        }
        flush();
        read_file(run.range, to);
        to += run.range.size();
    }
    flush();
}

std::vector<uint64_t> TaskSource::shared_frames(std::span<const Range> ranges) const
{
    std::vector<uint64_t> out;
    if (!pagemap_)
        return out;
    PageFlags flags(pagemap_.get());
    for (const Range &range : ranges)
        for (TargetAddr page = range.start; page < range.end; page = page + kPageSize)
            out.push_back(flags.shared_frame(page));
    return out;
}

void TaskSource::read_readable(std::span<const Range> ranges, uint8_t *to)
{
    std::vector<iovec> from;
    while (!ranges.empty()) {
        size_t n = std::min(ranges.size(), sys::kMaxVectors);
        from.clear();
        uint64_t bytes = 0;
        for (const Range &range : ranges.first(n)) {
            from.push_back(sys::remote(range.start, range.size()));
            bytes += range.size();
        }
        iovec target{to, bytes};
        long got = sys::check(sys::read_memory(task_.pid(), &target, 1, from.data(), n),
                              [&] { return cat("read the memory at ", hex(ranges[0].start.value)); });
        if (static_cast<uint64_t>(got) != bytes) { // tells of the first page that cannot be read
            uint64_t at = static_cast<uint64_t>(got);
            while (at >= ranges[0].size()) {
                at -= ranges[0].size();
                ranges = ranges.subspan(1);
            }
            failed_with(EFAULT, cat("read the memory at ", hex(ranges[0].start.value + at)));
        }
        to += bytes;
        ranges = ranges.subspan(n);
    }
}

void TaskSource::read_file(const Range &range, uint8_t *to)
{
    {
        std::lock_guard lock(mutex_);
        if (!mem_)
            mem_ = sys::open_at(task_.fd(), "mem", O_RDONLY);
    }
    for (uint64_t done = 0; done < range.size();) {
        long got =
            sys::check(sys::read_memory_file(mem_.get(), to + done, range.size() - done, range.start + done),
                       [&] { return cat("read the memory at ", hex((range.start + done).value)); });
        if (got == 0)
            failed_with(EFAULT, cat("read the memory at ", hex((range.start + done).value)));
        done += static_cast<uint64_t>(got);
    }
}

void FileSource::read(std::span<const Range> ranges, uint8_t *to)
{
    for (const Range &range : ranges) {
        size_t got = sys::pread_up_to(fd_.get(), to, range.size(), range.start.value, name_);
        std::memset(to + got, 0, range.size() - got); // it got shorter; what is gone reads as zeros
        to += range.size();
    }
}

std::vector<Range> FileSource::data_ranges() const
{
    std::vector<Range> out;
    for (long at = 0;;) {
        long data = sys::call(SYS_lseek, fd_.get(), at, SEEK_DATA);
        if (data == -ENXIO)
            return out;
        sys::check(data, [&] { return "find the contents of " + name_; });
        at = sys::check(sys::call(SYS_lseek, fd_.get(), data, SEEK_HOLE),
                        [&] { return "find the contents of " + name_; });
        uint64_t start = page_down(static_cast<uint64_t>(data));
        append(out, TargetAddr(start), page_up(static_cast<uint64_t>(at)) - start);
    }
}

std::vector<Range> drop_zero_pages(std::span<const Range> ranges, PageBuffer &bytes,
                                   std::span<const Range> of_files)
{
    std::vector<Range> out;
    auto is_of_file = [&, next = of_files.begin()](TargetAddr page) mutable {
        while (next != of_files.end() && next->end <= page)
            ++next;
        return next != of_files.end() && next->start <= page;
    };
    uint8_t *from = bytes.data(), *to = bytes.data();
    uint8_t *run = from; // pages from here on are kept where they are relative to each other
    auto move_run = [&] {
        if (to != run)
            std::memmove(to, run, static_cast<size_t>(from - run));
        to += from - run;
    };
    for (const Range &range : ranges) {
        for (TargetAddr page = range.start; page < range.end; page = page + kPageSize, from += kPageSize) {
            if (!is_zero_page(from) || is_of_file(page)) {
                append(out, page, kPageSize);
                continue;
            }
            move_run();
            run = from + kPageSize;
        }
    }
    move_run();
    bytes.used = static_cast<size_t>(to - bytes.data());
    return out;
}

CopyJob::CopyJob(PageSource &source, std::vector<Range> ranges, std::unique_ptr<PageStream> stream,
                 Instead instead, std::vector<Range> of_files)
    : source_(source), ranges_(std::move(ranges)), stream_(std::move(stream)), instead_(std::move(instead)),
      of_files_(std::move(of_files))
{
    for (const Range &range : ranges_)
        bytes_ += range.size();
}

std::optional<CopyJob::Piece> CopyJob::next_piece()
{
    std::lock_guard lock(mutex_);
    if (failed_ || next_range_ == ranges_.size())
        return std::nullopt;
    Piece out{{}, next_number_++};
    for (uint64_t room = kPieceSize; room && next_range_ < ranges_.size();) {
        const Range &range = ranges_[next_range_];
        TargetAddr start = range.start + next_offset_;
        uint64_t n = std::min(room, range.end - start);
        out.ranges.push_back({start, start + n});
        room -= n;
        next_offset_ += n;
        if (start + n == range.end) {
            next_range_++;
            next_offset_ = 0;
        }
    }
    return out;
}

// `bytes`: what was read from `range`.
void CopyJob::replace(const Range &range, uint8_t *bytes) const
{
    TargetAddr start = std::max(instead_.at, range.start),
               end = std::min(instead_.at + instead_.bytes.size(), range.end);
    if (start < end)
        std::memcpy(bytes + (start - range.start), instead_.bytes.data() + (start - instead_.at),
                    end - start);
}

void CopyJob::share(SharedPages &pages, SharingTask task)
{
    shared_ = &pages;
    task_ = task;
}

void CopyJob::work(PageBuffer &buffer)
{
    try {
        while (auto piece = next_piece()) {
            uint64_t size = 0;
            for (const Range &range : piece->ranges)
                size += range.size();
            if (buffer.capacity() < size)
                buffer = stream_->buffer(size <= kSmallPiece ? kSmallPiece : kPieceSize);
            buffer.used = size;
            source_.read(piece->ranges, buffer.data());
            uint64_t at = 0;
            for (const Range &range : piece->ranges) {
                replace(range, buffer.data() + at);
                at += range.size();
            }
            std::vector<Range> runs = drop_zero_pages(piece->ranges, buffer, of_files_);
            std::vector<SharedRun> shared;
            if (shared_)
                shared = shared_->take_out(task_, source_.shared_frames(runs), runs, buffer);
            hand_over(*piece, runs, shared, buffer);
        }
    } catch (...) {
        give_up();
        throw;
    }
}

void CopyJob::hand_over(const Piece &piece, std::span<const Range> runs, std::span<const SharedRun> shared,
                        PageBuffer &buffer)
{
    {
        std::unique_lock lock(mutex_);
        turn_.wait(lock, [&] { return handed_over_ == piece.number || failed_; });
        if (failed_)
            return;
    }
    uint64_t pages = buffer.used / kPageSize, read = 0;
    for (const Range &range : piece.ranges)
        read += range.size() / kPageSize;
    if (pages || !shared.empty())
        stream_->put(runs, shared, buffer);
    std::lock_guard lock(mutex_);
    result_.pages_read += read;
    result_.pages_written += pages;
    handed_over_++;
    turn_.notify_all();
}

void CopyJob::give_up()
{
    std::lock_guard lock(mutex_);
    failed_ = true;
    turn_.notify_all();
}

CopyResult CopyJob::finish()
{
    stream_->finish();
    return result_;
}

} // namespace cr::mm
