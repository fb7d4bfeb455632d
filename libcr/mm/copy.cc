#include "libcr/mm/copy.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/memory.h"

#include <algorithm>
#include <cstring>

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

TaskSource::TaskSource(const proc::PidDir &task, std::vector<Range> unreadable)
    : task_(task), unreadable_(std::move(unreadable))
{
}

void TaskSource::read(std::span<const Range> ranges, uint8_t *to)
{
    if (unreadable_.empty())
        return read_readable(ranges, to);
    auto unreadable = [&](const Range &range) {
        auto area = std::upper_bound(unreadable_.begin(), unreadable_.end(), range.start,
                                     [](TargetAddr at, const Range &r) { return at < r.end; });
        return area != unreadable_.end() && area->start < range.end;
    };
    while (!ranges.empty()) {
        size_t n = 0;
        uint64_t bytes = 0;
        for (; n < ranges.size() && !unreadable(ranges[n]); n++)
            bytes += ranges[n].size();
        if (n) {
            read_readable(ranges.first(n), to);
        } else {
            n = 1;
            bytes = ranges[0].size();
            read_file(ranges[0], to);
        }
        ranges = ranges.subspan(n);
        to += bytes;
    }
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

std::vector<Range> drop_zero_pages(std::span<const Range> ranges, PageBuffer &bytes)
{
    std::vector<Range> out;
    uint8_t *from = bytes.data(), *to = bytes.data();
    uint8_t *run = from; // pages from here on are kept where they are relative to each other
    auto move_run = [&] {
        if (to != run)
            std::memmove(to, run, static_cast<size_t>(from - run));
        to += from - run;
    };
    for (const Range &range : ranges) {
        for (TargetAddr page = range.start; page < range.end; page = page + kPageSize, from += kPageSize) {
            if (!is_zero_page(from)) {
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
                 std::optional<Range> zeroed)
    : source_(source), ranges_(std::move(ranges)), stream_(std::move(stream)), zeroed_(zeroed)
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

void CopyJob::work(PageBuffer &buffer)
{
    try {
        while (auto piece = next_piece()) {
            uint64_t size = 0;
            for (const Range &range : piece->ranges)
                size += range.size();
            if (!buffer)
                buffer = PageBuffer(kPieceSize);
            buffer.used = size;
            source_.read(piece->ranges, buffer.data());
            uint64_t at = 0;
            for (const Range &range : piece->ranges) {
                if (zeroed_ && zeroed_->start < range.end && range.start < zeroed_->end) {
                    TargetAddr start = std::max(zeroed_->start, range.start);
                    std::memset(buffer.data() + at + (start - range.start), 0,
                                std::min(zeroed_->end, range.end) - start);
                }
                at += range.size();
            }
            hand_over(*piece, drop_zero_pages(piece->ranges, buffer), buffer);
        }
    } catch (...) {
        give_up();
        throw;
    }
}

void CopyJob::hand_over(const Piece &piece, std::span<const Range> runs, PageBuffer &buffer)
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
    if (pages)
        stream_->put(runs, buffer);
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
