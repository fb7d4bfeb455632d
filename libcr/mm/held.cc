#include "libcr/mm/held.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/base/thread.h"
#include "libcr/mm/crew.h"
#include "libcr/sys/file.h"
#include "libcr/sys/pagemap.h"
#include "libcr/sys/userfaultfd.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

namespace cr::mm
{

namespace
{

constexpr size_t kSlotsPerBuffer = PageBuffer::kLargePage / kPageSize;
constexpr uint64_t kProtectPiece = 32 << 20; // what one of the threads that protect takes at a time

} // namespace

HeldSource::HeldSource(const proc::PidDir &task, Fd userfaultfd, std::unique_ptr<PageSource> plain,
                       std::vector<Range> ranges, const std::vector<Range> &areas,
                       const std::vector<uint64_t> &never, MemoryBudget &budget)
    : task_(task), watch_(std::move(userfaultfd)), plain_(std::move(plain)), ranges_(std::move(ranges)),
      budget_(budget)
{
    size_t pages = 0;
    for (const Range &range : ranges_) {
        first_.push_back(pages);
        pages += range.size() / kPageSize;
    }
    state_.resize(pages, kInTask);
    pagemap_ = sys::open_at(task_.fd(), "pagemap", O_RDONLY);
    stop_ = Fd(static_cast<int>(sys::check(sys::call(SYS_eventfd2, 0, EFD_CLOEXEC), "make an eventfd")));
    held_ = protect(areas);
    copy_rest(held_, never);
    server_ = start_thread([this] { serve(); });
}

HeldSource::~HeldSource()
{
    uint64_t one = 1;
    sys::call(SYS_write, stop_.get(), &one, sizeof one);
    if (server_.joinable())
        server_.join();
    budget_.used -= saved_count_ * kPageSize;
}

bool HeldSource::protect_area(const Range &area)
{
    // Refused where the program watches the area itself, or the kind of memory does not know protections.
    return sys::uffd_watch_writes(watch_.get(), area.start, area.size()) == 0;
}

// The areas that are protected now.
std::vector<Range> HeldSource::protect(const std::vector<Range> &areas)
{
    std::vector<Range> out, pieces;
    if (long result = sys::uffd_begin(watch_.get(), UFFD_FEATURE_PAGEFAULT_FLAG_WP); result < 0)
        return out;
    for (const Range &area : areas) {
        if (!protect_area(area))
            continue;
        out.push_back(area);
        for (TargetAddr at = area.start; at < area.end; at = at + kProtectPiece)
            pieces.push_back({at, std::min(at + kProtectPiece, area.end)});
    }
    std::atomic<size_t> next = 0;
    auto work = [&] {
        for (size_t i; (i = next++) < pieces.size();)
            sys::check(sys::uffd_protect(watch_.get(), pieces[i].start, pieces[i].size(), true),
                       [&] { return cat("protect the memory at ", hex(pieces[i].start.value)); });
    };
    if (pieces.size() < 2)
        work();
    else
        together(work);
    return out;
}

// What is not protected is saved now.
void HeldSource::copy_rest(const std::vector<Range> &held, const std::vector<uint64_t> &never)
{
    for (uint64_t page : never)
        sys::uffd_protect(watch_.get(), TargetAddr(page), kPageSize, false);
    auto area = held.begin();
    auto exception = never.begin();
    for (size_t i = 0; i < ranges_.size(); i++) {
        Run run{ranges_[i].start, first_[i], 0};
        for (TargetAddr at = ranges_[i].start; at < ranges_[i].end; at = at + kPageSize) {
            while (area != held.end() && area->end <= at)
                ++area;
            while (exception != never.end() && *exception < at.value)
                ++exception;
            bool is_held = area != held.end() && area->start <= at &&
                           (exception == never.end() || *exception != at.value);
            if (!is_held && run.count < kSlotsPerBuffer) {
                run.count++;
                continue;
            }
            save(run);
            size_t page = first_[i] + (at - ranges_[i].start) / kPageSize;
            run = is_held ? Run{at + kPageSize, page + 1, 0} : Run{at, page, 1};
        }
        save(run);
    }
}

void HeldSource::save(const Run &run)
{
    for (size_t i = 0; i < run.count; i++)
        state_[run.first + i] = kReading;
    for (size_t done = 0; done < run.count;) {
        uint32_t number = new_slots(1);
        size_t room = std::min(run.count - done, kSlotsPerBuffer - number % kSlotsPerBuffer);
        if (room > 1)
            new_slots(room - 1);
        Range range{run.start + done * kPageSize, run.start + (done + room) * kPageSize};
        plain_->read({&range, 1}, slot(number));
        for (size_t i = 0; i < room; i++)
            state_[run.first + done + i] = kSaved + number + static_cast<uint32_t>(i);
        done += room;
    }
}

uint8_t *HeldSource::slot(uint32_t number)
{
    return saved_[number / kSlotsPerBuffer].data() + number % kSlotsPerBuffer * kPageSize;
}

// Neighbours within one buffer, or one alone.
uint32_t HeldSource::new_slots(size_t count)
{
    if ((budget_.used += count * kPageSize) > budget_.limit)
        overtaken(cat("keep more than ", budget_.limit, " bytes in memory while the program goes on"),
                  "allow more by --max-memory, or let the tree stand still: --freeze copy");
    auto number = static_cast<uint32_t>(saved_count_);
    saved_count_ += count;
    while (saved_.size() * kSlotsPerBuffer < saved_count_)
        saved_.emplace_back(PageBuffer::kLargePage);
    return number;
}

size_t HeldSource::page_at(TargetAddr at) const
{
    auto range = std::upper_bound(ranges_.begin(), ranges_.end(), at,
                                  [](TargetAddr a, const Range &r) { return a < r.start; });
    if (range == ranges_.begin() || (--range)->end <= at)
        return kNoPage;
    return first_[static_cast<size_t>(range - ranges_.begin())] + (at - range->start) / kPageSize;
}

void HeldSource::lost(TargetAddr at) const
{
    overtaken(cat("save the memory at ", hex(at.value),
                  " as it was when the tree stood still: the program has given it back or moved it since"),
              "let the tree stand still for the copy: --freeze copy");
}

// After a read: all pages were protected all the time.
void HeldSource::verify(const Run &run)
{
    std::vector<uint64_t> entries(run.count);
    size_t size = run.count * sizeof(uint64_t);
    size_t got = sys::pread_up_to(pagemap_.get(), entries.data(), size,
                                  run.start.value / kPageSize * sizeof(uint64_t), "pagemap");
    for (size_t i = 0; i < run.count; i++)
        if (got != size || !(entries[i] & sys::kEntryWriteProtected) ||
            !(entries[i] & (sys::kEntryPresent | sys::kEntrySwapped)))
            lost(run.start + i * kPageSize);
}

// Pages marked kReading by the caller.
void HeldSource::take(const Run &run, uint8_t *to)
{
    Range range{run.start, run.start + run.count * kPageSize};
    try {
        plain_->read({&range, 1}, to);
    } catch (const Error &) {
        lost(run.start);
    }
    verify(run);
}

void HeldSource::read(std::span<const Range> ranges, uint8_t *to)
{
    for (const Range &range : ranges) {
        size_t first = page_at(range.start), count = range.size() / kPageSize;
        for (size_t done = 0; done < count;) {
            Run run{range.start + done * kPageSize, first + done, 0};
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [&] { return failure_ || state_[run.first] != kReading; });
                if (failure_)
                    std::rethrow_exception(failure_);
                while (done + run.count < count && state_[run.first + run.count] == kInTask)
                    state_[run.first + run.count++] = kReading;
                if (!run.count) {
                    std::memcpy(to, slot(state_[run.first] - kSaved), kPageSize);
                    to += kPageSize;
                    done++;
                    continue;
                }
            }
            take(run, to);
            {
                std::lock_guard lock(mutex_);
                std::fill_n(state_.begin() + static_cast<ptrdiff_t>(run.first), run.count, kRead);
                changed_.notify_all();
            }
            if (sys::uffd_protect(watch_.get(), run.start, run.count * kPageSize, false) < 0)
                lost(run.start);
            to += run.count * kPageSize;
            done += run.count;
        }
    }
}

// Somebody waits to write there.
void HeldSource::serve_one(TargetAddr at)
{
    at = TargetAddr(page_down(at.value));
    size_t page = page_at(at);
    uint32_t number = 0;
    uint8_t *to = nullptr;
    if (page != kNoPage) {
        std::lock_guard lock(mutex_);
        if (state_[page] == kReading)
            return; // who reads it wakes the writer
        if (state_[page] == kInTask) {
            state_[page] = kReading;
            number = new_slots(1);
            to = slot(number);
        }
    }
    if (to) {
        take({at, page, 1}, to);
        std::lock_guard lock(mutex_);
        state_[page] = kSaved + number;
        changed_.notify_all();
    }
    sys::uffd_protect(watch_.get(), at, kPageSize, false);
}

void HeldSource::fail(std::exception_ptr error)
{
    std::lock_guard lock(mutex_);
    failure_ = error;
    changed_.notify_all();
}

void HeldSource::serve()
{
    try {
        for (;;) {
            pollfd fds[2] = {{watch_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            long n = sys::call(SYS_poll, fds, 2, -1);
            if (n == -EINTR)
                continue;
            sys::check(n, "wait for writers");
            if (fds[1].revents)
                return;
            uffd_msg messages[16];
            n = sys::call(SYS_read, watch_.get(), messages, sizeof messages);
            if (n == -EAGAIN || n == -EINTR)
                continue;
            sys::check(n, "hear of writers");
            for (size_t i = 0; i < static_cast<size_t>(n) / sizeof messages[0]; i++)
                if (messages[i].event == UFFD_EVENT_PAGEFAULT)
                    serve_one(TargetAddr(messages[i].arg.pagefault.address));
        }
    } catch (...) {
        fail(std::current_exception());
        // The program must not wait for a dump that has failed. The number stays taken, as read() may use it.
        sys::call(SYS_dup3, stop_.get(), watch_.get(), O_CLOEXEC);
    }
}

} // namespace cr::mm
