// Copying pages out of a stopped tree into a sink.
//
// The work is cut into pieces of at most kPieceSize bytes. Two threads take pieces in turn: each reads one
// into a buffer of its own (hot in the cache, in large pages), drops pages that hold nothing but zeros, and
// hands it to the stream when all earlier pieces were handed over. So reading and writing overlap while the
// stream sees pages in order, one call at a time; on a file system the writes to one file exclude each other
// anyway.
#pragma once

#include "libcr/mm/page_sink.h"
#include "libcr/mm/shared_pages.h"

#include <condition_variable>
#include <optional>
#include <vector>

namespace cr::mm
{

class PageSource
{
  public:
    virtual ~PageSource() = default;
    // The contents of the ranges, one after the other. Called from several threads.
    virtual void read(std::span<const Range> ranges, uint8_t *to) = 0;
    // For each page its frame where it is anonymous and in more than one address space, else 0.
    virtual std::vector<uint64_t> shared_frames(std::span<const Range>) const { return {}; }
};

// The memory of a stopped task. Two ways lead to it:
//   - process_vm_readv(2), fast. But it pins the pages, and since Linux 5.19 pinning a page that is shared
//     copy-on-write gives the task a copy of its own: a dump would cost parent and child their common memory;
//   - /proc/PID/mem, which takes twice as long, only looks, and reads areas without PROT_READ too.
// So what is shared (the pagemap's "exclusively mapped" bit is off) or unreadable goes the second way.
class TaskSource : public PageSource
{
  public:
    // `unreadable`: areas without PROT_READ, sorted.
    TaskSource(const proc::PidDir &task, std::vector<Range> unreadable);
    void read(std::span<const Range> ranges, uint8_t *to) override;
    std::vector<uint64_t> shared_frames(std::span<const Range> ranges) const override;

  private:
    struct Run {
        Range range;
        bool by_file;
    };
    std::vector<Run> runs_of(std::span<const Range> ranges) const;
    void read_readable(std::span<const Range> ranges, uint8_t *to);
    void read_file(const Range &range, uint8_t *to);

    const proc::PidDir &task_;
    std::vector<Range> unreadable_;
    Fd pagemap_; // empty when there is none
    std::mutex mutex_;
    Fd mem_; // opened when first needed
};

// A file: the contents of a shared memory object. Addresses are offsets.
class FileSource : public PageSource
{
  public:
    FileSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    void read(std::span<const Range> ranges, uint8_t *to) override;
    // Where it has contents, in whole pages.
    std::vector<Range> data_ranges() const;

  private:
    Fd fd_;
    std::string name_;
};

struct CopyResult {
    uint64_t pages_read = 0, pages_written = 0;
};

// Bytes that are stored instead of what is there.
struct Instead {
    TargetAddr at;
    std::vector<uint8_t> bytes;
};

class CopyJob
{
  public:
    static constexpr size_t kPieceSize = 2 << 20;
    static constexpr size_t kSmallPiece = 256 << 10; // for the kernel to clear a large page would take longer

    // All of `ranges`, sorted, disjoint. `of_files`: private file mappings, likewise.
    CopyJob(PageSource &source, std::vector<Range> ranges, std::unique_ptr<PageStream> stream,
            Instead instead = {}, std::vector<Range> of_files = {});

    // Pages that other tasks have, too, are stored once; `task` is this one. Before work().
    void share(SharedPages &pages, SharingTask task);
    uint64_t bytes() const { return bytes_; }
    // Takes part in the work until there is none left; run it in as many threads as shall help. `buffer` is
    // used again and again; a fresh one is made when the stream took it.
    void work(PageBuffer &buffer);
    // After all threads are back.
    CopyResult finish();

  private:
    struct Piece {
        std::vector<Range> ranges;
        uint64_t number;
    };
    std::optional<Piece> next_piece();
    void replace(const Range &range, uint8_t *bytes) const;
    void hand_over(const Piece &piece, std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &buffer);
    void give_up();

    PageSource &source_;
    std::vector<Range> ranges_;
    std::unique_ptr<PageStream> stream_;
    Instead instead_;
    std::vector<Range> of_files_;
    SharedPages *shared_ = nullptr;
    SharingTask task_{};
    uint64_t bytes_ = 0;

    std::mutex mutex_;
    std::condition_variable turn_;
    size_t next_range_ = 0;    // the first with pages that no piece has yet
    uint64_t next_offset_ = 0; // within it
    uint64_t next_number_ = 0, handed_over_ = 0;
    bool failed_ = false;
    CopyResult result_;
};

// Drops all-zero pages from `bytes`, which holds the contents of `ranges`; the rest moves up. Those in `of_files`
// (sorted, disjoint) stay: without them a file's contents would come back. Returns what is left, as ranges.
std::vector<Range> drop_zero_pages(std::span<const Range> ranges, PageBuffer &bytes,
                                   std::span<const Range> of_files = {});

} // namespace cr::mm
