// The memory of a stopped tree into images: mm-N and the page contents of every task, shared anonymous memory
// once for the tree. Nothing is done to the tasks; they are read through /proc and process_vm_readv while
// somebody else holds them stopped.
//
// Two threads take tasks as they become known. What is small is copied on the spot, large address spaces are
// copied afterwards by both threads together.
#pragma once

#include "libcr/image/dir.h"
#include "libcr/mm/area_flags.h"
#include "libcr/mm/copy.h"
#include "libcr/mm/held.h"
#include "libcr/mm/objects.h"
#include "libcr/mm/task_reader.h"

#include <functional>
#include <memory>
#include <optional>

namespace cr::mm
{

struct CaptureStats {
    uint64_t pages_scanned = 0, pages_written = 0, pages_in_parent = 0;
    uint64_t shared_pages_scanned = 0, shared_pages_written = 0;
};

// An earlier dump of the same tree, which the new one continues.
struct Continuing {
    const image::Dir *parent = nullptr;
    bool memory_only = false; // no mm-N
    // Takes what a task's tracker wants kept until the next dump. Called from several threads.
    std::function<void(pid_t, Watch)> keep;
    bool share_pages = false; // what tasks share copy-on-write is stored once
};

// Tasks whose writes can be held back (held.h).
struct Holding {
    PageSink &to; // their pages go here, after the tree was let go
    MemoryBudget &budget;
    uint64_t smallest_area; // smaller ones are copied
};

class TreeCapture
{
  public:
    // `images` gets mm-N, `pages` the contents.
    TreeCapture(const image::Dir &images, PageSink &pages, FlagReader &flags, uint32_t first_file_id,
                ClaimSink claim, Holding holding, Continuing continuing);
    ~TreeCapture();

    // Takes tasks from `next` (called by one thread at a time) until it returns nothing, and copies
    // everything. `claimed` is called when all files are known, while large memories may be still to copy.
    CaptureStats run(const std::function<std::optional<TaskToCapture>()> &next,
                     const std::function<void()> &claimed);
    // After run(), the tree being let go meanwhile or not: copies what is held back. All statistics.
    CaptureStats copy_held();

  private:
    struct Object;
    void take_tasks(const std::function<std::optional<TaskToCapture>()> &next, PageBuffer &buffer);
    void take_task(TaskToCapture &task, PageBuffer &buffer);
    void hold(TaskToCapture &task, Object &object, TaskPages &pages, TaskReader &reader);
    std::vector<Range> leave_to_parent(TaskToCapture &task, const proc::PidDir &dir, TaskPages &pages);
    void take_shared(std::vector<std::unique_ptr<Object>> &large, PageBuffer &buffer);
    void with_buffers(const std::function<void(PageBuffer &)> &work);
    void copy_all(std::vector<std::unique_ptr<Object>> &objects);
    void finish(Object &object);

    const image::Dir &images_;
    PageSink &pages_;
    FileTable files_;
    SharedTable shared_;
    SharedPages shared_pages_;
    FlagReader &flags_;
    std::mutex mutex_, next_mutex_;
    bool no_more_ = false;
    std::vector<std::unique_ptr<Object>> large_, held_;
    Holding holding_;
    Continuing continuing_;
    std::vector<PageBuffer> buffers_; // live through all phases: their pages are hot
    CaptureStats stats_;
};

} // namespace cr::mm
