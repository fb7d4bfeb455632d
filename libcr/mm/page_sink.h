// Where page contents go. A sink opens one stream per object (the private memory of a task, a shared memory
// object); pages come in rising order, one put() at a time. The local sink writes pagemap-N and pages-M; a
// page server is another sink; the deferred sink keeps everything in memory while the tree is frozen.
#pragma once

#include "libcr/image/pages.h"
#include "libcr/mm/page_buffer.h"
#include "libcr/mm/scan.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace cr::mm
{

// Pages that are stored with another task, which the stream `of` of the same kind has at `at`.
struct SharedRun {
    Range pages;
    uint64_t of;
    TargetAddr at;
};

class PageStream
{
  public:
    virtual ~PageStream() = default;
    // `bytes` holds the contents of the runs, one after the other; `shared` lies between them. The stream may take
    // the buffer away: it is empty afterwards, then.
    virtual void put(std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &bytes) = 0;
    virtual void finish() = 0;
    // Memory to fill and put().
    virtual PageBuffer buffer(size_t capacity) { return PageBuffer(capacity); }
};

class PageSink
{
  public:
    virtual ~PageSink() = default;
    // Kind::Pagemap or Kind::PagemapShmem. May be called from several threads.
    // `in_parent`: pages whose contents are in the parent directory; none of them is put().
    virtual std::unique_ptr<PageStream> open(image::Kind kind, uint64_t id,
                                             std::vector<Range> in_parent = {}) = 0;
};

class FileSink : public PageSink
{
  public:
    explicit FileSink(const image::Dir &dir, uint32_t first_pages_id = 1)
        : dir_(dir), next_pages_id_(first_pages_id)
    {
    }
    std::unique_ptr<PageStream> open(image::Kind kind, uint64_t id,
                                     std::vector<Range> in_parent = {}) override;

  private:
    const image::Dir &dir_;
    std::atomic<uint32_t> next_pages_id_;
};

// Keeps what it is given in memory, so that the tree need not wait for the disk, and passes it on in flush().
// Only up to `limit` bytes: an object that goes beyond is passed on at once, from its beginning.
class DeferredSink : public PageSink
{
  public:
    // `pool`: where buffers come from, as long as it has some.
    DeferredSink(PageSink &to, uint64_t limit, PagePool *pool = nullptr);
    ~DeferredSink() override;
    std::unique_ptr<PageStream> open(image::Kind kind, uint64_t id,
                                     std::vector<Range> in_parent = {}) override;
    void flush();

  private:
    class Object;
    class Stream;
    PageBuffer memory(size_t capacity);
    std::shared_ptr<PageBuffer> part(size_t bytes, PageBuffer &part);

    PageSink &to_;
    const uint64_t limit_;
    PagePool *const pool_;
    std::atomic<uint64_t> kept_ = 0; // bytes
    std::mutex mutex_;
    std::vector<std::shared_ptr<Object>> objects_;
    std::shared_ptr<PageBuffer> chunk_; // the one that is being filled
};

} // namespace cr::mm
