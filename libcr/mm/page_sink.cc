#include "libcr/mm/page_sink.h"

#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

class FileStream : public PageStream
{
  public:
    FileStream(const image::Dir &dir, image::Kind kind, uint64_t id, uint32_t pages_id)
        : writer_(dir, kind, id, pages_id), name_(image::file_name(image::Kind::Pages, pages_id))
    {
    }

    // Runs follow each other in the file, so a whole buffer is one write at the end of it.
    void put(std::span<const Range> runs, PageBuffer &bytes) override
    {
        for (const Range &run : runs)
            writer_.add(run.start.value, run.size() / kPageSize);
        sys::write_all(writer_.pages_fd(), bytes.data(), bytes.used, name_);
    }

    void finish() override { writer_.finish(); }

  private:
    image::PagemapWriter writer_;
    std::string name_;
};

} // namespace

std::unique_ptr<PageStream> FileSink::open(image::Kind kind, uint64_t id)
{
    return std::make_unique<FileStream>(dir_, kind, id, next_pages_id_++);
}

struct DeferredSink::Object : public PageStream {
    struct Piece {
        std::vector<Range> runs;
        PageBuffer bytes;
    };

    Object(image::Kind kind, uint64_t id) : kind(kind), id(id) {}

    // A buffer that is mostly empty is not kept: what it holds is copied into one of its size.
    void put(std::span<const Range> runs, PageBuffer &bytes) override
    {
        Piece piece{{runs.begin(), runs.end()}, {}};
        if (bytes.used * 2 < bytes.capacity()) {
            piece.bytes = PageBuffer(bytes.used);
            piece.bytes.used = bytes.used;
            std::memcpy(piece.bytes.data(), bytes.data(), bytes.used);
        } else {
            piece.bytes = std::move(bytes);
        }
        pieces.push_back(std::move(piece));
    }
    void finish() override {}

    image::Kind kind;
    uint64_t id;
    std::vector<Piece> pieces;
};

namespace
{

// What open() hands out while the sink keeps the object itself.
class Forward : public PageStream
{
  public:
    explicit Forward(std::shared_ptr<PageStream> to) : to_(std::move(to)) {}
    void put(std::span<const Range> runs, PageBuffer &bytes) override { to_->put(runs, bytes); }
    void finish() override { to_->finish(); }

  private:
    std::shared_ptr<PageStream> to_;
};

} // namespace

DeferredSink::DeferredSink() = default;
DeferredSink::~DeferredSink() = default;

std::unique_ptr<PageStream> DeferredSink::open(image::Kind kind, uint64_t id)
{
    auto object = std::make_shared<Object>(kind, id);
    std::lock_guard lock(mutex_);
    objects_.push_back(object);
    return std::make_unique<Forward>(object);
}

void DeferredSink::write_to(PageSink &sink)
{
    for (auto &object : objects_) {
        auto stream = sink.open(object->kind, object->id);
        for (auto &piece : object->pieces) {
            stream->put(piece.runs, piece.bytes);
            piece.bytes = PageBuffer();
        }
        stream->finish();
        object.reset();
    }
    objects_.clear();
}

} // namespace cr::mm
