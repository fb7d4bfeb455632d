#include "libcr/mm/page_sink.h"

#include "libcr/sys/file.h"

#include <algorithm>
#include <cstring>

namespace cr::mm
{

namespace
{

class FileStream : public PageStream
{
  public:
    FileStream(const image::Dir &dir, image::Kind kind, uint64_t id, uint32_t pages_id,
               std::vector<Range> in_parent)
        : writer_(dir, kind, id, pages_id), name_(image::file_name(image::Kind::Pages, pages_id)),
          in_parent_(std::move(in_parent))
    {
    }

    // Runs follow each other in the file, so a whole buffer is one write at the end of it.
    void put(std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &bytes) override
    {
        auto add_shared = [&](TargetAddr before) {
            for (; !shared.empty() && shared.front().pages.start < before; shared = shared.subspan(1)) {
                const SharedRun &run = shared.front();
                add_parents(run.pages.start);
                writer_.add_of_task(run.pages.start.value, run.pages.size() / kPageSize, run.of, run.at.value);
            }
        };
        for (const Range &run : runs) {
            add_shared(run.start);
            add_parents(run.start);
            writer_.add(run.start.value, run.size() / kPageSize);
        }
        if (!shared.empty())
            add_shared(shared.back().pages.end);
        sys::write_all(writer_.pages_fd(), bytes.data(), bytes.used, name_);
    }

    void finish() override
    {
        if (!in_parent_.empty())
            add_parents(in_parent_.back().end);
        writer_.finish();
    }

  private:
    void add_parents(TargetAddr before)
    {
        for (; next_ < in_parent_.size() && in_parent_[next_].start < before; next_++)
            writer_.add(in_parent_[next_].start.value, in_parent_[next_].size() / kPageSize,
                        image::kPageParent);
    }

    image::PagemapWriter writer_;
    std::string name_;
    std::vector<Range> in_parent_; // sorted
    size_t next_ = 0;              // the first that is not written yet
};

} // namespace

std::unique_ptr<PageStream> FileSink::open(image::Kind kind, uint64_t id, std::vector<Range> in_parent)
{
    return std::make_unique<FileStream>(dir_, kind, id, next_pages_id_++, std::move(in_parent));
}

class DeferredSink::Object
{
  public:
    Object(DeferredSink &sink, image::Kind kind, uint64_t id, std::vector<Range> in_parent)
        : sink_(sink), kind_(kind), id_(id), in_parent_(std::move(in_parent))
    {
    }

    void put(std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &bytes)
    {
        if (!direct_ && (sink_.kept_ += bytes.used) <= sink_.limit_) {
            keep(runs, shared, bytes);
            return;
        }
        pass_on();
        direct_->put(runs, shared, bytes);
    }

    void finish()
    {
        finished_ = true;
        if (direct_)
            direct_->finish();
    }

    PageBuffer buffer(size_t capacity) { return sink_.memory(capacity); }

    void flush()
    {
        if (direct_)
            return;
        pass_on();
        if (finished_)
            direct_->finish();
    }

  private:
    struct Piece {
        std::vector<Range> runs;
        std::vector<SharedRun> shared;
        std::shared_ptr<PageBuffer> chunk; // of which `bytes` is a part, if of any
        PageBuffer bytes;
    };

    // A buffer that is mostly empty is not kept: what it holds is copied.
    void keep(std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &bytes)
    {
        Piece piece{{runs.begin(), runs.end()}, {shared.begin(), shared.end()}, {}, {}};
        if (bytes.used * 2 < bytes.capacity()) {
            piece.chunk = sink_.part(bytes.used, piece.bytes);
            piece.bytes.used = bytes.used;
            std::memcpy(piece.bytes.data(), bytes.data(), bytes.used);
        } else {
            piece.bytes = std::move(bytes);
        }
        pieces_.push_back(std::move(piece));
    }

    void pass_on()
    {
        if (!direct_)
            direct_ = sink_.to_.open(kind_, id_, std::move(in_parent_));
        for (Piece &piece : pieces_) {
            direct_->put(piece.runs, piece.shared, piece.bytes);
            piece.bytes = PageBuffer();
            piece.chunk.reset();
        }
        pieces_.clear();
    }

    DeferredSink &sink_;
    image::Kind kind_;
    uint64_t id_;
    std::vector<Range> in_parent_;
    bool finished_ = false;
    std::vector<Piece> pieces_;
    std::unique_ptr<PageStream> direct_;
};

// What open() hands out, while the sink keeps the object itself.
class DeferredSink::Stream : public PageStream
{
  public:
    explicit Stream(std::shared_ptr<Object> object) : object_(std::move(object)) {}
    void put(std::span<const Range> runs, std::span<const SharedRun> shared, PageBuffer &bytes) override
    {
        object_->put(runs, shared, bytes);
    }
    void finish() override { object_->finish(); }
    PageBuffer buffer(size_t capacity) override { return object_->buffer(capacity); }

  private:
    std::shared_ptr<Object> object_;
};

DeferredSink::DeferredSink(PageSink &to, uint64_t limit, PagePool *pool) : to_(to), limit_(limit), pool_(pool)
{
}
DeferredSink::~DeferredSink() = default;

std::unique_ptr<PageStream> DeferredSink::open(image::Kind kind, uint64_t id, std::vector<Range> in_parent)
{
    auto object = std::make_shared<Object>(*this, kind, id, std::move(in_parent));
    std::lock_guard lock(mutex_);
    objects_.push_back(object);
    return std::make_unique<Stream>(object);
}

PageBuffer DeferredSink::memory(size_t capacity) { return pool_ ? pool_->take(capacity) : PageBuffer(capacity); }

// Many tasks with little memory fill a chunk together; the first ones are small, for the trees of one or two.
std::shared_ptr<PageBuffer> DeferredSink::part(size_t bytes, PageBuffer &part)
{
    constexpr size_t kFirst = 128 << 10;
    std::lock_guard lock(mutex_);
    if (!chunk_ || chunk_->capacity() - chunk_->used < bytes) {
        size_t capacity = chunk_ ? std::min(chunk_->capacity() * 2, PageBuffer::kLargePage) : kFirst;
        chunk_ = std::make_shared<PageBuffer>(memory(std::max(bytes, capacity)));
    }
    part = PageBuffer::borrowed(chunk_->data() + chunk_->used, bytes);
    chunk_->used += bytes;
    return chunk_;
}

void DeferredSink::flush()
{
    for (auto &object : objects_) {
        object->flush();
        object.reset();
    }
    objects_.clear();
    chunk_.reset();
}

} // namespace cr::mm
