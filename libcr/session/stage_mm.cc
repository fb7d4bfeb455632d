#include "libcr/session/stage_mm.h"

#include "libcr/base/text.h"
#include "libcr/mm/area_flags.h"
#include "libcr/mm/capture.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/session/freeze.h"
#include "libcr/session/link.h"
#include "libcr/session/tracking.h"
#include "libcr/sys/file.h"

#include <chrono>
#include <optional>
#include <set>

namespace cr::session
{

namespace
{

constexpr uint64_t kSmallestHeld = 256 << 10; // smaller areas are copied as fast as protected

using Clock = std::chrono::steady_clock;

uint64_t us_since(Clock::time_point begin)
{
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
}

// How much memory a copy of the tree may take: half of what the machine has left.
uint64_t copy_limit()
{
    char text[4096];
    Fd fd = sys::open_at(AT_FDCWD, "/proc/meminfo", O_RDONLY);
    std::string_view rest(text, sys::read_up_to(fd.get(), text, sizeof text, "/proc/meminfo"));
    while (!rest.empty()) {
        std::string_view line = take_until(rest, '\n');
        if (take_word(line) == "MemAvailable:")
            return parse_int<uint64_t>(take_word(line)).value_or(0) * 1024 / 2;
    }
    return 0;
}

class Tasks
{
  public:
    Tasks(Stage &stage, Tracking &tracking) : stage_(stage), tracking_(tracking) {}

    std::optional<mm::TaskToCapture> next()
    {
        while (auto task = stage_.next_task()) {
            tracking_.begin();
            if (task->zombie())
                continue;
            // What tasks share is stored once, with the first of them.
            if (!memories_.insert(task->vm_id()).second)
                continue;
            mm::TaskToCapture out;
            out.pid = reader_of(*task);
            out.image = task->vpid();
            out.dumpable = task->has_dumpable() ? task->dumpable() : 1;
            out.thp_disable = task->thp_disable();
            out.mdwe = task->mdwe();
            out.memory_merge = task->memory_merge();
            out.ldt = task->ldt();
            out.numa = task->numa();
            if (task->has_brk())
                out.brk = task->brk();
            Fd watch = task->has_userfaultfd() ? holder().take(task->userfaultfd()) : Fd();
            out.in_parent = tracking_.continues(out.pid);
            if (stage_.hello().track_mem() || out.in_parent)
                out.tracker = tracking_.tracker_of(out.pid, std::move(watch));
            else
                out.userfaultfd = std::move(watch);
            out.never_held.assign(task->never_held().begin(), task->never_held().end());
            return out;
        }
        return std::nullopt;
    }

  private:
    // Not before there is a task: a holder that refused the tree may be gone, and its stream tells why.
    HolderLink &holder() { return holder_ ? *holder_ : holder_.emplace(stage_.hello()); }

    Stage &stage_;
    Tracking &tracking_;
    std::optional<HolderLink> holder_;
    std::set<uint32_t> memories_;
};

uint64_t memory_limit(const img::session_hello &hello)
{
    return hello.has_max_memory() ? hello.max_memory() : copy_limit();
}

// A tree that is left running waits only until its pages are in our memory; one that is killed anyway has its
// pages written on the way.
void dump_mm(Stage &stage, mm::PagePool &pool, mm::FlagReader &flags)
{
    auto begin = Clock::now();
    mm::FileSink files(stage.images());
    const img::session_hello &hello = stage.hello();
    auto mode = static_cast<FreezeMode>(hello.freeze_mode());
    uint64_t limit = memory_limit(hello);
    if (mode != FreezeMode::Copy)
        limit /= 2; // what is copied, and what is saved from being overwritten
    mm::MemoryBudget budget;
    budget.limit = limit;
    mm::DeferredSink memory(files, limit, &pool);
    bool defer = hello.leave_running() && !stage.dry_run();
    mm::PageSink &sink = defer ? static_cast<mm::PageSink &>(memory) : files;

    Tracking tracking(hello, stage.images());
    mm::TreeCapture capture(
        stage.images(), sink, flags, static_cast<uint32_t>(IdRange::Mm),
        [&](const img::session_file_claim &claim) { stage.claim(claim); },
        {files, budget, mode == FreezeMode::Auto ? kSmallestHeld : 0},
        {tracking.parent(), hello.pre_dump(), [&](pid_t pid, mm::Watch watch) { tracking.keep(pid, std::move(watch)); },
         hello.share_pages()});
    Tasks tasks(stage, tracking);
    capture.run([&] { return tasks.next(); }, [&] { stage.claims_end(); });
    auto tracker = tracking.start();
    stage.released();

    img::session_stage_done done;
    if (tracker)
        *done.mutable_tracker() = *tracker;
    done.set_stage("cr-dump-mm");
    done.set_frozen_us(us_since(begin));
    done.set_memdump_us(us_since(begin));
    auto write_begin = Clock::now();
    mm::CaptureStats stats = capture.copy_held();
    memory.flush();
    done.set_memwrite_us(us_since(write_begin));
    done.set_pages_scanned(stats.pages_scanned);
    done.set_pages_written(stats.pages_written);
    done.set_pages_skipped_parent(stats.pages_in_parent);
    done.set_shpages_scanned(stats.shared_pages_scanned);
    done.set_shpages_written(stats.shared_pages_written);
    stage.done(done);
}

} // namespace

int run_dump_mm(int in, int out)
{
    mm::PagePool pool;
    mm::FlagReader flags;
    // What a tree that runs on need not wait for.
    auto prepare = [&](const img::session_hello &hello) {
        if (!hello.leave_running() || hello.dry_run())
            return;
        pool.reserve(std::min(hello.expected_bytes(), memory_limit(hello)));
        if (hello.expected_bytes() >= mm::kMuchMemory)
            flags.there();
    };
    return run_stage(
        "cr-dump-mm", in, out, [&](Stage &stage) { dump_mm(stage, pool, flags); }, prepare);
}

} // namespace cr::session
