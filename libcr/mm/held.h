// The memory of a task as it was at one instant, read while the task runs on.
//
// While the task stands still its private anonymous areas are write-protected by its userfaultfd, which costs
// a tenth of copying them; all the rest is copied. Afterwards every page is read before its first write: by
// whoever copies it into the image, or, when the task wants to write to one first, by a thread of ours, for
// which the writer waits some microseconds. What was read is unprotected at once.
//
// A protection does not hold munmap, mremap, MADV_DONTNEED, execve or exit back. But none of these leaves a
// protected page behind: so each page is looked at again after it was read, and only what is still protected
// then counts. Otherwise the dump fails; it never stores something else.
//
// When we die, the descriptor closes, and the kernel takes all protections away.
#pragma once

#include "libcr/mm/copy.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cr::mm
{

// Of all tasks of a dump together.
struct MemoryBudget {
    uint64_t limit = 0; // bytes
    std::atomic<uint64_t> used = 0;
};

class HeldSource : public PageSource
{
  public:
    // The task stands still. `ranges` sorted, disjoint: all that will be read. `areas`: whole areas that may
    // be protected; `never`: pages that must not be. `plain` reads the task's memory.
    HeldSource(const proc::PidDir &task, Fd userfaultfd, std::unique_ptr<PageSource> plain,
               std::vector<Range> ranges, const std::vector<Range> &areas, const std::vector<uint64_t> &never,
               MemoryBudget &budget);
    ~HeldSource() override;

    // The areas that are protected.
    const std::vector<Range> &held() const { return held_; }
    // Each page once.
    void read(std::span<const Range> ranges, uint8_t *to) override;

  private:
    // Where a page is: still in the task only, just being read, read, or in saved_ at state - kSaved.
    static constexpr uint32_t kInTask = 0, kReading = 1, kRead = 2, kSaved = 3;
    static constexpr size_t kNoPage = ~size_t(0);
    struct Run {
        TargetAddr start;
        size_t first; // page
        size_t count;
    };

    std::vector<Range> protect(const std::vector<Range> &areas);
    bool protect_area(const Range &area);
    void copy_rest(const std::vector<Range> &held, const std::vector<uint64_t> &never);
    void save(const Run &run);
    void take(const Run &run, uint8_t *to);
    void verify(const Run &run);
    void lost(TargetAddr at) const;
    size_t page_at(TargetAddr at) const;
    uint8_t *slot(uint32_t number);
    uint32_t new_slots(size_t count);
    void serve();
    void serve_one(TargetAddr at);
    void fail(std::exception_ptr error);

    const proc::PidDir &task_;
    Fd watch_, pagemap_, stop_;
    std::unique_ptr<PageSource> plain_;
    std::vector<Range> ranges_;
    std::vector<size_t> first_; // page of each range
    std::vector<Range> held_;
    MemoryBudget &budget_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<uint32_t> state_; // of each page
    std::vector<PageBuffer> saved_;
    size_t saved_count_ = 0;
    std::exception_ptr failure_;
    std::thread server_;
};

} // namespace cr::mm
