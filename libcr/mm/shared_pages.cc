#include "libcr/mm/shared_pages.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/memory.h"

#include <cstring>
#include <fcntl.h>

namespace cr::mm
{

namespace
{

// What is beyond is stored as often as there are tasks: 16 GiB.
constexpr size_t kMostFrames = 4 << 20;

// The memory of the task that was asked last: most pages are the parent's.
class OtherMemory
{
  public:
    bool has(pid_t pid, TargetAddr at, const uint8_t *page)
    {
        if (pid != pid_) {
            mem_ = sys::open_at(AT_FDCWD, cat("/proc/", pid, "/mem").c_str(), O_RDONLY);
            pid_ = pid;
        }
        uint8_t theirs[kPageSize];
        return sys::read_memory_file(mem_.get(), theirs, kPageSize, at) == static_cast<long>(kPageSize) &&
               std::memcmp(theirs, page, kPageSize) == 0;
    }

  private:
    pid_t pid_ = 0;
    Fd mem_;
};

void append(std::vector<Range> &out, TargetAddr page)
{
    if (!out.empty() && out.back().end == page)
        out.back().end = page + kPageSize;
    else
        out.push_back({page, page + kPageSize});
}

void append(std::vector<SharedRun> &out, TargetAddr page, uint64_t of, TargetAddr at)
{
    if (!out.empty() && out.back().pages.end == page && out.back().of == of &&
        out.back().at + out.back().pages.size() == at)
        out.back().pages.end = page + kPageSize;
    else
        out.push_back({{page, page + kPageSize}, of, at});
}

} // namespace

std::optional<SharedPages::Place> SharedPages::find_or_add(uint64_t frame, const Place &place)
{
    std::lock_guard lock(mutex_);
    auto found = by_frame_.find(frame);
    if (found != by_frame_.end())
        return found->second;
    if (by_frame_.size() < kMostFrames)
        by_frame_.emplace(frame, place);
    return std::nullopt;
}

std::vector<SharedRun> SharedPages::take_out(const SharingTask &task, std::span<const uint64_t> frames,
                                             std::vector<Range> &runs, PageBuffer &bytes)
{
    std::vector<SharedRun> out;
    if (frames.empty())
        return out;
    OtherMemory other;
    std::vector<Range> left;
    uint8_t *from = bytes.data(), *to = bytes.data();
    auto frame = frames.begin();
    for (const Range &run : runs) {
        for (TargetAddr page = run.start; page < run.end; page = page + kPageSize, from += kPageSize, ++frame) {
            bool replaced = page < task.replaced.end && task.replaced.start < page + kPageSize;
            std::optional<Place> place;
            if (*frame && !replaced)
                place = find_or_add(*frame, {task.pid, task.image, page});
            if (place && other.has(place->pid, place->at, from)) {
                append(out, page, place->of, place->at);
                continue;
            }
            append(left, page);
            if (to != from)
                std::memcpy(to, from, kPageSize);
            to += kPageSize;
        }
    }
    bytes.used = static_cast<size_t>(to - bytes.data());
    runs = std::move(left);
    return out;
}

} // namespace cr::mm
