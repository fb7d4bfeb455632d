#include "libcr/mm/capture.h"

#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/writer.h"
#include "libcr/mm/crew.h"
#include "libcr/sys/file.h"

namespace cr::mm
{

namespace
{

// From here on two threads are faster than one; the second when the other one is busy with smaps.
constexpr uint64_t kLarge = 8 << 20, kLargeBeside = 512 << 20;

} // namespace

// Something whose contents are copied; owns all that the copying needs.
struct TreeCapture::Object {
    std::string name;
    bool shared = false;
    std::unique_ptr<proc::PidDir> dir;
    std::unique_ptr<PageSource> source;
    std::unique_ptr<CopyJob> job;
};

TreeCapture::TreeCapture(const image::Dir &images, PageSink &pages, uint32_t first_file_id, ClaimSink claim)
    : images_(images), pages_(pages), files_(first_file_id, std::move(claim))
{
}

void TreeCapture::finish(Object &object)
{
    CopyResult result = object.job->finish();
    std::lock_guard lock(mutex_);
    if (object.shared) {
        stats_.shared_pages_scanned += result.pages_read;
        stats_.shared_pages_written += result.pages_written;
    } else {
        stats_.pages_written += result.pages_written;
    }
}

void TreeCapture::take_task(const TaskToCapture &task, PageBuffer &buffer)
{
    Subject subject([&] { return cat("pid ", task.pid); });
    auto object = std::make_unique<Object>();
    object->name = cat("pid ", task.pid);
    object->dir = std::make_unique<proc::PidDir>(task.pid);
    TaskReader reader(*object->dir);
    TaskPages pages = reader.pages();
    uint64_t scanned = pages.scanned;
    object->source = std::make_unique<TaskSource>(*object->dir, std::move(pages.unreadable));
    object->job = std::make_unique<CopyJob>(*object->source, std::move(pages.ranges),
                                            pages_.open(image::Kind::Pagemap, task.image), pages.zeroed);
    bool large = object->job->bytes() >= (reader.slow() ? kLargeBeside : kLarge);
    if (reader.slow() && !large)
        object->job->work(buffer);
    image::write_one(images_, image::Kind::Mm, task.image, reader.describe(task, files_, shared_));
    {
        std::lock_guard lock(mutex_);
        stats_.pages_scanned += scanned;
        if (large) {
            large_.push_back(std::move(object));
            return;
        }
    }
    object->job->work(buffer);
    finish(*object);
}

void TreeCapture::take_tasks(const std::function<std::optional<TaskToCapture>()> &next, PageBuffer &buffer)
{
    for (;;) {
        std::optional<TaskToCapture> task;
        {
            std::lock_guard lock(next_mutex_);
            if (no_more_)
                return;
            try {
                task = next();
            } catch (...) {
                no_more_ = true;
                throw;
            }
            no_more_ = !task;
        }
        if (!task)
            return;
        take_task(*task, buffer);
    }
}

void TreeCapture::take_shared(std::vector<std::unique_ptr<Object>> &large, PageBuffer &buffer)
{
    for (const SharedObject &shared : shared_.take()) {
        std::string name = cat("shared memory ", shared.id, " of pid ", shared.pid);
        Subject subject(name);
        auto source =
            std::make_unique<FileSource>(sys::open_at(AT_FDCWD, shared.via.c_str(), O_RDONLY), name);
        std::vector<Range> ranges = source->data_ranges();
        auto object = std::make_unique<Object>();
        object->name = name;
        object->shared = true;
        object->source = std::move(source);
        object->job = std::make_unique<CopyJob>(*object->source, std::move(ranges),
                                                pages_.open(image::Kind::PagemapShmem, shared.id));
        if (object->job->bytes() >= kLarge) {
            large.push_back(std::move(object));
            continue;
        }
        object->job->work(buffer);
        finish(*object);
    }
}

TreeCapture::~TreeCapture() = default;

CaptureStats TreeCapture::run(const std::function<std::optional<TaskToCapture>()> &next,
                              const std::function<void()> &claimed)
{
    // The buffers live through all phases: their pages are hot.
    std::mutex mutex;
    std::vector<PageBuffer> buffers(kCrewSize);
    size_t taken = 0;
    auto with_buffer = [&](const std::function<void(PageBuffer &)> &work) {
        taken = 0;
        together([&] {
            size_t mine;
            {
                std::lock_guard lock(mutex);
                mine = taken++;
            }
            work(buffers[mine]);
        });
    };
    with_buffer([&](PageBuffer &buffer) { take_tasks(next, buffer); });
    claimed();
    take_shared(large_, buffers[0]);
    for (auto &object : large_) {
        with_buffer([&](PageBuffer &buffer) {
            Subject subject(object->name);
            object->job->work(buffer);
        });
        finish(*object);
        object.reset();
    }
    return stats_;
}

} // namespace cr::mm
