#include "libcr/session/thaw.h"

#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/or_warn.h"
#include "libcr/base/text.h"
#include "libcr/files/temporary_links.h"
#include "libcr/image/dedup.h"
#include "libcr/image/seal.h"
#include "libcr/image/writer.h"
#include "libcr/session/link.h"
#include "libcr/session/outer.h"
#include "libcr/session/wire.h"
#include "libcr/sys/gate.h"
#include "rpc.pb.h"

#include <csignal>
#include <optional>
#include <poll.h>
#include <set>
#include <sys/syscall.h>

namespace cr::session
{

namespace
{

constexpr int kEndMs = 60000; // for a task to end

// What a directory must have been given to be restorable, cr-dump-net only where there are connections.
constexpr const char *kNeeded[] = {"cr-freeze", "cr-dump-mm", "cr-dump-files"};

// Only after the commit: until then the earlier dump is the one that counts. When it cannot be done the dump
// is as good.
void free_earlier(const image::Dir &dir)
{
    or_warn([&] { image::free_superseded(dir); });
}

class Thaw
{
  public:
    Thaw(int in, Release release) : stream_(in), release_(release) {}
    ThawResult run(const BeforeCommit &before_commit);

  private:
    void begin();
    void take(const img::session_record &record);
    [[noreturn]] void fail(img::session_failure failure);
    bool all_done() const { return tree_end_ && running_.empty(); }
    void collect();
    void tell_collected();
    void let_go();
    void finish_kill();
    void commit();
    void undo();
    void remove_names();
    void write_statistics();

    RecordStream stream_;
    Release release_;
    img::session_hello hello_;
    std::optional<HolderLink> holder_;
    std::vector<Fd> tasks_;
    img::session_connections connections_;
    Fd lock_; // the network lock must outlive the holder when the tree is to be killed
    std::set<std::string> begun_, running_, holding_;
    std::string before_; // the stage whose output we read
    std::vector<Error> failures_;
    std::optional<img::cr_tracker_entry> tracker_;
    std::vector<std::string> plugins_; // that the images cannot be restored without
    pid_t root_ = 0; // as this machine sees it
    bool tree_end_ = false;
    bool gone_ = false; // the tree is not held any more
    bool committed_ = false;
    bool lost_ = false; // the holder ended before we could speak to it
    ThawResult result_;
};

void Thaw::begin()
{
    img::session_record record;
    if (!stream_.next(record))
        throw NoSession{};
    if (!record.has_hello())
        usage("no session on standard input", "the first tool of a pipeline is cr-freeze");
    hello_ = record.hello();
    join_log(hello_);
    if (hello_.dry_run())
        release_ = Release::Resume;
    try {
        holder_.emplace(hello_);
        holder_->watch_me();
        if (release_ == Release::Kill && hello_.has_lock_fd())
            lock_ = holder_->take(hello_.lock_fd());
        img::session_request stands;
        stands.set_pipeline_stands(true);
        holder_->tell(stands);
    } catch (const Error &error) {
        // It failed already; its stream says why.
        log::debug(error.what());
        gone_ = true;
        lost_ = true;
    }
}

void Thaw::take(const img::session_record &record)
{
    if (record.has_task() && !root_)
        root_ = static_cast<pid_t>(record.task().pid());
    if (record.has_task() && !record.task().zombie() && release_ == Release::Kill) {
        long fd = sys::call(SYS_pidfd_open, record.task().pid(), 0);
        if (fd >= 0)
            tasks_.emplace_back(static_cast<int>(fd));
    }
    if (record.has_connections())
        connections_ = record.connections();
    if (record.has_stage_begin()) {
        if (before_.empty())
            before_ = record.stage_begin();
        begun_.insert(record.stage_begin());
        running_.insert(record.stage_begin());
        holding_.insert(record.stage_begin());
    }
    if (record.tree_end())
        tree_end_ = true;
    if (record.has_released())
        holding_.erase(record.released());
    if (record.has_done()) {
        const img::session_stage_done &done = record.done();
        running_.erase(done.stage());
        holding_.erase(done.stage());
        if (done.has_tracker())
            tracker_ = done.tracker();
        for (const std::string &name : done.plugins())
            plugins_.push_back(name);
        img::dump_stats_entry &sum = result_.statistics;
        sum.set_freezing_time(sum.freezing_time() + static_cast<uint32_t>(done.freezing_us()));
        sum.set_memdump_time(sum.memdump_time() + static_cast<uint32_t>(done.memdump_us()));
        sum.set_memwrite_time(sum.memwrite_time() + static_cast<uint32_t>(done.memwrite_us()));
        sum.set_pages_scanned(sum.pages_scanned() + done.pages_scanned());
        sum.set_pages_written(sum.pages_written() + done.pages_written());
        sum.set_pages_skipped_parent(sum.pages_skipped_parent() + done.pages_skipped_parent());
        sum.set_shpages_scanned(sum.shpages_scanned() + done.shpages_scanned());
        sum.set_shpages_written(sum.shpages_written() + done.shpages_written());
    }
}

// A failure ends the dump; the holder tells all blockers of a tree in a row.
void Thaw::fail(img::session_failure failure)
{
    Blocked blocked;
    blocked.blockers.push_back(to_error(failure));
    img::session_record record;
    while (failure.more() && stream_.next(record)) {
        if (!record.has_failure() || record.failure().stage() != failure.stage())
            continue;
        failure = record.failure();
        blocked.blockers.push_back(to_error(failure));
    }
    if (blocked.blockers.size() == 1)
        throw blocked.blockers.front();
    throw blocked;
}

// Reads until every stage has done its part. A tree that goes on running is let go as soon as nobody needs
// it.
void Thaw::collect()
{
    img::session_record record;
    while (!all_done()) {
        if (!stream_.next(record)) {
            failed_with(0, cat("finish the dump: ", before_.empty() ? "the session" : before_, " ended early"),
                        "the processes run on as before");
        }
        take(record);
        if (record.has_failure())
            fail(record.failure());
        if (tree_end_ && holding_.empty() && !gone_ && release_ == Release::Resume && !running_.empty())
            let_go();
    }
}

void Thaw::tell_collected()
{
    if (gone_)
        return;
    img::session_request request;
    request.set_collected(true);
    holder_->tell(request);
}

void Thaw::finish_kill()
{
    QuietEnd quiet(connections_);
    for (const Fd &task : tasks_)
        sys::call(SYS_pidfd_send_signal, task.get(), SIGKILL, 0, 0);
    for (const Fd &task : tasks_) {
        pollfd ended{task.get(), POLLIN, 0};
        while (sys::call(SYS_poll, &ended, 1, kEndMs) == -EINTR)
            ;
    }
}

void Thaw::let_go()
{
    img::session_request request;
    request.set_release(static_cast<uint32_t>(release_));
    gone_ = true;
    try {
        img::session_reply reply = holder_->ask(request);
        result_.statistics.set_frozen_time(static_cast<uint32_t>(reply.frozen_us()));
    } catch (const Error &) {
        // The holder is gone, its tracees run. Before the commit that is an undone dump, after it we finish.
        if (!committed_)
            throw;
        if (release_ == Release::Kill)
            finish_kill();
        else if (release_ == Release::Stop)
            log::warning("cr-freeze ended early: whether the processes are stopped is not known");
    }
}

void Thaw::commit()
{
    if (lost_)
        failed_with(0, "reach the holder of the tree: it has ended", "the processes run on as before");
    img::inventory_entry inventory = hello_.inventory();
    for (const char *stage : kNeeded)
        if (!begun_.count(stage))
            result_.partial = true;
    if (connections_.all_size()) {
        if (!begun_.count("cr-dump-net"))
            result_.partial = true;
        inventory.set_network_lock_method(lock_ ? img::NFTABLES : img::SKIP);
    }
    const bool locks = lock_ && connections_.all_size();
    if (locks)
        inventory.set_cr_network_lock(net::lasting_table(hello_.run_id()));
    for (const std::string &stage : begun_)
        inventory.add_cr_stages(stage);
    for (const std::string &name : plugins_)
        inventory.mutable_plugins_entry()->add_plugins(name);
    if (tracker_)
        *inventory.mutable_cr_tracker() = *tracker_;
    if (result_.partial)
        inventory.set_cr_partial(true);
    if (hello_.pre_dump()) {
        inventory.set_cr_pre_dump(true);
        inventory.set_cr_partial(true);
        result_.partial = false; // as was asked for
    }
    image::Dir dir = image::Dir::open(hello_.images_dir());
    if (!gone_) {
        img::session_request intent;
        intent.set_intent(static_cast<uint32_t>(release_));
        holder_->ask(intent);
    }
    image::commit(dir, inventory);
    committed_ = true;
    if (locks)
        lock_for_good(dir, lock_.get(), hello_.run_id(), connections_);
    if (hello_.auto_dedup())
        free_earlier(dir);
}

void Thaw::write_statistics()
{
    img::stats_entry entry;
    *entry.mutable_dump() = result_.statistics;
    img::dump_stats_entry &dump = *entry.mutable_dump();
    // Required fields are there even when nothing was counted.
    dump.set_freezing_time(dump.freezing_time());
    dump.set_frozen_time(dump.frozen_time());
    dump.set_memdump_time(dump.memdump_time());
    dump.set_memwrite_time(dump.memwrite_time());
    dump.set_pages_scanned(dump.pages_scanned());
    dump.set_pages_skipped_parent(dump.pages_skipped_parent());
    dump.set_pages_written(dump.pages_written());
    dump.set_pages_lazy(0);
    image::write_one(image::Dir::open(hello_.work_dir()), image::Kind::StatsDump, 0, entry);
}

void Thaw::undo()
{
    if (gone_)
        return;
    img::session_request request;
    request.set_abort(true);
    try {
        holder_->tell(request);
    } catch (const Error &) {
        // It is gone already, and the tree with it released.
    }
}

// The holder does it, too, but it may be gone. Where an earlier checkpoint is still there we have not begun.
void Thaw::remove_names()
{
    if (hello_.dry_run() || !hello_.link_remap())
        return;
    or_warn([&] {
        image::Dir dir = image::Dir::open(hello_.images_dir());
        if (!dir.has(image::Kind::Inventory))
            files::remove_temporary_links(dir);
    });
}

ThawResult Thaw::run(const BeforeCommit &before_commit)
{
    begin();
    try {
        collect();
        tell_collected();
        if (before_commit)
            before_commit(hello_, root_);
        if (!hello_.dry_run())
            commit();
    } catch (...) {
        undo();
        remove_names();
        throw;
    }
    if (!gone_)
        let_go();
    result_.dry_run = hello_.dry_run();
    if (!hello_.dry_run()) {
        or_warn([&] { write_statistics(); });
        // CRIU's words, which runners look for in the log.
        log::info(hello_.pre_dump() ? "Pre-dumping" : "Dumping", " finished successfully");
    }
    return result_;
}

} // namespace

ThawResult thaw(int in, Release release, const BeforeCommit &before_commit)
{
    refuse_terminal_input(in, "cr-thaw");
    block_stop_signals();
    return Thaw(in, release).run(before_commit);
}

} // namespace cr::session
