#include "libcr/mm/capture.h"

#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/writer.h"
#include "libcr/mm/crew.h"
#include "libcr/mm/sysv.h"
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
    bool shared = false, held = false;
    std::unique_ptr<proc::PidDir> dir;
    std::unique_ptr<PageSource> source;
    std::unique_ptr<CopyJob> job;
};

TreeCapture::TreeCapture(const image::Dir &images, PageSink &pages, FlagReader &flags, uint32_t first_file_id,
                         ClaimSink claim, Holding holding, Continuing continuing)
    : images_(images), pages_(pages), files_(first_file_id, std::move(claim)), flags_(flags), holding_(holding),
      continuing_(std::move(continuing)), buffers_(kCrewSize)
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

void TreeCapture::hold(TaskToCapture &task, Object &object, TaskPages &pages, TaskReader &reader)
{
    std::vector<Range> areas;
    for (const Range &area : pages.anonymous)
        if (area.size() >= holding_.smallest_area && !intersect(pages.ranges, {area}).empty())
            areas.push_back(area);
    object.held = true;
    auto source =
        std::make_unique<HeldSource>(*object.dir, std::move(task.userfaultfd), std::move(object.source),
                                     pages.ranges, areas, task.never_held, holding_.budget);
    reader.held(source->held());
    object.source = std::move(source);
}

// Takes pages out of those to be copied that the parent directory has, too, and begins to note what changes
// from now on.
std::vector<Range> TreeCapture::leave_to_parent(TaskToCapture &task, const proc::PidDir &dir,
                                                TaskPages &pages)
{
    std::vector<Range> out;
    if (task.in_parent && continuing_.parent->has(image::Kind::Pagemap, task.image)) {
        std::vector<Range> stored;
        for (const image::PageRun &run :
             image::read_pagemap(*continuing_.parent, image::Kind::Pagemap, task.image).runs)
            if (run.present())
                stored.push_back({TargetAddr(run.start), TargetAddr(run.end())});
        out = intersect(intersect(task.tracker->unchanged(dir, pages.anonymous), stored), pages.ranges);
        pages.ranges = without(pages.ranges, out);
    }
    task.tracker->begin(dir, pages.anonymous);
    continuing_.keep(task.pid, task.tracker->keep());
    return out;
}

void TreeCapture::take_task(TaskToCapture &task, PageBuffer &buffer)
{
    auto describe = [&] { return cat("pid ", task.pid); };
    Subject subject(describe);
    auto object = std::make_unique<Object>();
    object->name = cat("pid ", task.pid);
    object->dir = std::make_unique<proc::PidDir>(task.pid);
    TaskReader reader(*object->dir, flags_, static_cast<bool>(task.userfaultfd));
    TaskPages pages = reader.pages();
    uint64_t scanned = pages.scanned;
    object->source = std::make_unique<TaskSource>(*object->dir, std::move(pages.unreadable));
    if (task.userfaultfd)
        hold(task, *object, pages, reader);
    std::vector<Range> in_parent;
    if (task.tracker)
        in_parent = leave_to_parent(task, *object->dir, pages);
    uint64_t skipped = 0;
    for (const Range &range : in_parent)
        skipped += range.size() / kPageSize;
    PageSink &sink = object->held ? holding_.to : pages_;
    Range replaced{pages.instead.at, pages.instead.at + pages.instead.bytes.size()};
    object->job = std::make_unique<CopyJob>(*object->source, std::move(pages.ranges),
                                            sink.open(image::Kind::Pagemap, task.image, std::move(in_parent)),
                                            std::move(pages.instead), std::move(pages.of_files));
    if (continuing_.share_pages && !object->held)
        object->job->share(shared_pages_, {task.pid, task.image, replaced});
    bool large = object->job->bytes() >= (reader.slow() ? kLargeBeside : kLarge);
    if (reader.slow() && !large && !object->held)
        object->job->work(buffer);
    if (!continuing_.memory_only)
        image::write_one(images_, image::Kind::Mm, task.image, reader.describe(task, files_, shared_));
    {
        std::lock_guard lock(mutex_);
        stats_.pages_scanned += scanned;
        stats_.pages_in_parent += skipped;
        if (object->held) {
            held_.push_back(std::move(object));
            return;
        }
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
    std::vector<img::ipc_shm_entry> segments;
    for (const SharedObject &shared : shared_.take()) {
        uint64_t id = shared.id;
        if (!shared.segment.empty()) {
            segments.push_back(describe_segment(static_cast<uint32_t>(id), shared.segment));
            id = contents_of_segment(id);
        }
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
                                                pages_.open(image::Kind::PagemapShmem, id));
        if (object->job->bytes() >= kLarge) {
            large.push_back(std::move(object));
            continue;
        }
        object->job->work(buffer);
        finish(*object);
    }
    if (segments.empty() || continuing_.memory_only)
        return;
    image::Writer writer(images_, image::Kind::IpcnsShm, kIpcNamespace);
    for (const img::ipc_shm_entry &segment : segments)
        writer.put(segment);
    writer.finish();
}

TreeCapture::~TreeCapture() = default;

CaptureStats TreeCapture::run(const std::function<std::optional<TaskToCapture>()> &next,
                              const std::function<void()> &claimed)
{
    // Most trees are of one task, and its memory is copied before a second thread would be there.
    if (auto first = next()) {
        take_task(*first, buffers_[0]);
        auto second = next();
        auto others = [&] { return second ? std::exchange(second, std::nullopt) : next(); };
        if (second)
            with_buffers([&](PageBuffer &buffer) { take_tasks(others, buffer); });
    }
    claimed();
    take_shared(large_, buffers_[0]);
    copy_all(large_);
    return stats_;
}

CaptureStats TreeCapture::copy_held()
{
    copy_all(held_);
    return stats_;
}

void TreeCapture::with_buffers(const std::function<void(PageBuffer &)> &work)
{
    std::atomic<size_t> taken = 0;
    together([&] { work(buffers_[taken++]); });
}

void TreeCapture::copy_all(std::vector<std::unique_ptr<Object>> &objects)
{
    for (auto &object : objects) {
        auto work = [&](PageBuffer &buffer) {
            Subject subject(object->name);
            object->job->work(buffer);
        };
        if (object->job->bytes() < kLarge)
            work(buffers_[0]);
        else
            with_buffers(work);
        finish(*object);
        object.reset();
    }
    objects.clear();
}

} // namespace cr::mm
