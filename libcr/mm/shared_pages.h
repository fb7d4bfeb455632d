// Pages that tasks share copy-on-write, stored once (--share-pages): the first task that comes by with one stores
// it, the others name that task and the address there. Equal page frames tell that two pages may be one; but the
// kernel moves pages to other frames at any time, and a freed frame gets another page. So the frame is a hint, and
// the contents are compared with those in the first task's memory, which must stand still as long.
#pragma once

#include "libcr/mm/page_sink.h"

#include <mutex>
#include <optional>
#include <sys/types.h>
#include <unordered_map>

namespace cr::mm
{

struct SharingTask {
    pid_t pid;      // whose memory can be read
    uint64_t image; // the number of its stream
    Range replaced; // bytes that are stored differently than they are in memory
};

class SharedPages
{
  public:
    // `frames`: of each page of `runs`, 0 where it is not shared; none at all: nothing is known. Takes pages that
    // another task has stored out of `runs` and `bytes`, and notes the others as this task's. Called from several
    // threads.
    std::vector<SharedRun> take_out(const SharingTask &task, std::span<const uint64_t> frames,
                                    std::vector<Range> &runs, PageBuffer &bytes);

  private:
    struct Place {
        pid_t pid;
        uint64_t of;
        TargetAddr at;
    };
    std::optional<Place> find_or_add(uint64_t frame, const Place &place);

    std::mutex mutex_;
    std::unordered_map<uint64_t, Place> by_frame_;
};

} // namespace cr::mm
