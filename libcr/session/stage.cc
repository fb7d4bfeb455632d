#include "libcr/session/stage.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/base/thread.h"
#include "libcr/session/link.h"
#include "libcr/session/wire.h"
#include "libcr/sys/gate.h"

#include <chrono>
#include <csignal>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::session
{

// What the forwarder thread and the stage's own work share.
struct Stage::Shared {
    int in = -1, out = -1;
    std::optional<RecordStream> stream;

    std::mutex out_mutex; // whole records only on `out`

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<img::session_task> tasks;
    std::deque<img::session_file_claim> claims;
    std::set<std::string> claiming; // earlier stages that may still claim files
    std::optional<img::session_connections> connections;
    std::string name;
    std::string before; // the stage whose output we read
    std::set<std::string> working; // of those before us
    bool tree_end = false, ended = false, failure_told = false;
    std::string trouble;        // why the session cannot go on
    bool files_went_by = false; // cr-dump-files stands before this stage, and would miss its claims

    void forward();
    void take(const img::session_record &record);
    void tell_cut();
    void check_alive() const;
};

void Stage::Shared::take(const img::session_record &record)
{
    std::lock_guard lock(mutex);
    if (record.has_task())
        tasks.push_back(record.task());
    if (record.tree_end())
        tree_end = true;
    if (record.has_claim())
        claims.push_back(record.claim());
    if (record.has_connections())
        connections = record.connections();
    if (record.has_stage_begin()) {
        claiming.insert(record.stage_begin());
        working.insert(record.stage_begin());
        if (before.empty()) // each tells its name before it passes on those of others
            before = record.stage_begin();
    }
    files_went_by |= record.stage_begin() == "cr-dump-files";
    if (record.has_claims_end())
        claiming.erase(record.claims_end());
    if (record.has_done()) {
        claiming.erase(record.done().stage());
        working.erase(record.done().stage());
    }
    failure_told |= record.has_failure();
    if (record.has_failure() && trouble.empty())
        trouble = cat(record.failure().stage(), " failed");
    changed.notify_all();
}

void Stage::Shared::forward()
{
    std::string why;
    try {
        img::session_record record;
        std::string raw;
        while (stream->next(record, &raw)) {
            {
                std::lock_guard lock(out_mutex);
                put_bytes(out, raw.data(), raw.size());
            }
            take(record);
        }
    } catch (const Error &e) {
        why = e.what();
    }
    std::lock_guard lock(mutex);
    ended = true;
    if (trouble.empty())
        trouble = !why.empty() ? why : cat(before.empty() ? "the stage before it" : before, " ended early");
    if (why.empty() && !working.empty() && !failure_told)
        tell_cut();
    changed.notify_all();
}

// By the first stage behind the one that is gone, even when it has done its own part: those behind only see us end.
void Stage::Shared::tell_cut()
{
    img::session_record record;
    *record.mutable_failure() = to_record(name, Error(Error::Kind::Failed, 0, cat("go on: ", trouble)));
    try {
        std::lock_guard lock(out_mutex);
        put_record(out, record);
        failure_told = true;
    } catch (const Error &) { // nobody is there to hear it
    }
}

void Stage::Shared::check_alive() const
{
    if (!trouble.empty())
        failed_with(0, cat("go on: ", trouble));
    if (files_went_by)
        usage("cr-dump-files stands before this stage, which it has to hear of files from",
              "the order is cr-freeze | cr-dump-ns | cr-dump-mm | cr-dump-net | cr-dump-files | cr-thaw");
}

Stage::Stage(std::string name, int in, int out, const Prepare &prepare)
    : name_(std::move(name)), shared_(std::make_unique<Shared>())
{
    refuse_terminal_input(in, name_);
    block_stop_signals();
    shared_->name = name_;
    shared_->in = in;
    shared_->out = out;
    shared_->stream.emplace(in, out);
    img::session_record record;
    if (!shared_->stream->next(record))
        throw NoSession{};
    if (!record.has_hello())
        usage("no session on standard input", "the first tool of a pipeline is cr-freeze");
    if (record.hello().version() != kStreamVersion)
        usage(cat("session version ", record.hello().version(), " is not mine (", kStreamVersion, ")"),
              "use tools of one release");
    hello_ = record.hello();
    log::speak_as(name_);
    join_log(hello_);
    watch_holder();
    if (prepare)
        prepare(hello_);
    if (out >= 0) {
        refuse_terminal_output(out, name_);
        put_record(out, record);
        img::session_record begin;
        begin.set_stage_begin(name_);
        put_record(out, begin);
    }
    images_.emplace(hello_.dry_run() ? image::Dir::null() : image::Dir::open(hello_.images_dir()));
    forwarder_ = start_thread([this] { shared_->forward(); });
}

// A holder that failed may be gone before its stream has been read: what it says there is better than "gone".
void Stage::watch_holder()
{
    try {
        HolderLink(hello_).watch_me();
    } catch (const Error &error) {
        log::debug(error.what());
        shared_->trouble = "cr-freeze ended early";
    }
}

// Earlier stages' records still have to reach the later ones: the forwarder ends with its input.
Stage::~Stage()
{
    if (forwarder_.joinable())
        forwarder_.join();
}

std::optional<img::session_task> Stage::next_task()
{
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(
        lock, [&] { return !shared_->tasks.empty() || shared_->tree_end || !shared_->trouble.empty(); });
    shared_->check_alive();
    if (shared_->tasks.empty())
        return std::nullopt;
    img::session_task task = std::move(shared_->tasks.front());
    shared_->tasks.pop_front();
    return task;
}

std::optional<img::session_file_claim> Stage::next_claim()
{
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] {
        return !shared_->claims.empty() || (shared_->tree_end && shared_->claiming.empty()) ||
               !shared_->trouble.empty();
    });
    shared_->check_alive();
    if (shared_->claims.empty())
        return std::nullopt;
    img::session_file_claim claim = std::move(shared_->claims.front());
    shared_->claims.pop_front();
    return claim;
}

img::session_connections Stage::connections()
{
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return shared_->connections || !shared_->trouble.empty(); });
    shared_->check_alive();
    return *shared_->connections;
}

void Stage::put(const img::session_record &record)
{
    std::lock_guard lock(shared_->out_mutex);
    put_record(shared_->out, record);
}

void Stage::claim(const img::session_file_claim &claim)
{
    img::session_record record;
    *record.mutable_claim() = claim;
    put(record);
}

void Stage::claims_end()
{
    img::session_record record;
    record.set_claims_end(name_);
    put(record);
}

void Stage::sockets_read()
{
    img::session_request request;
    request.set_sockets_read(true);
    HolderLink(hello_).tell(request);
}

void Stage::released()
{
    img::session_record record;
    record.set_released(name_);
    put(record);
}

void Stage::done(const img::session_stage_done &statistics)
{
    img::session_record record;
    *record.mutable_done() = statistics;
    record.mutable_done()->set_stage(name_);
    put(record);
}

// When the session broke before us, the reason is still on its way through here: it goes first, and alone.
bool Stage::somebody_else_failed()
{
    std::unique_lock lock(shared_->mutex);
    if (shared_->trouble.empty())
        return false;
    shared_->changed.wait_for(lock, std::chrono::seconds(1),
                              [&] { return shared_->ended || shared_->failure_told; });
    return shared_->failure_told;
}

void Stage::fail(const Error &error)
{
    if (somebody_else_failed())
        return;
    img::session_record record;
    *record.mutable_failure() = to_record(name_, error);
    put(record);
}

int run_stage(const std::string &name, int in, int out, const std::function<void(Stage &)> &body,
              const Stage::Prepare &prepare)
{
    std::optional<Stage> stage;
    try {
        stage.emplace(name, in, out, prepare);
    } catch (const NoSession &) {
        return 1; // the first tool has said why
    }
    try {
        body(*stage);
        return 0;
    } catch (const Error &error) {
        // cr-thaw, at the end of the pipeline, says it.
        log::info(error.what());
        try {
            stage->fail(error);
        } catch (const Error &) {
        }
        return 1;
    }
}

} // namespace cr::session
