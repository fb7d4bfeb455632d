// A stage of a dump: one process of the pipeline cr-freeze | cr-dump-... | cr-thaw, or a thread in one (stages.h).
//
// It reads the session stream on one descriptor and passes every record on to the other at once (a thread
// does that, so that the next stage starts as soon as the tree is known and not when this one ends), adding
// its own records. It never touches the tree: that is stopped and held by cr-freeze, whose death or abort
// ends us all.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "session.pb.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace cr::session
{

// Ids of files are unique in an image set; each stage that makes entries has a range of its own.
enum class IdRange : uint32_t { Files = 0x00000001, Mm = 0x10000000, Net = 0x20000000, Ns = 0x30000000 };

// By which id the memory, descriptors and directories of a task are reached.
inline pid_t reader_of(const img::session_task &task)
{
    return static_cast<pid_t>(task.has_reader() ? task.reader() : task.pid());
}

class Stage
{
  public:
    // Reads the hello, registers with the holder, announces itself. `in` and `out` are borrowed. `prepare`
    // runs before the next stage hears of the session: the freeze waits for it when the tree is left running.
    using Prepare = std::function<void(const img::session_hello &)>;
    Stage(std::string name, int in, int out, const Prepare &prepare = {});
    ~Stage();
    Stage(const Stage &) = delete;
    Stage &operator=(const Stage &) = delete;

    const img::session_hello &hello() const { return hello_; }
    bool dry_run() const { return hello_.dry_run(); }
    const image::Dir &images() const { return *images_; }

    // The next task, as soon as it is known; nothing after the last one. Throws when the session ended early.
    std::optional<img::session_task> next_task();
    // The next file claimed by an earlier stage; nothing when every earlier stage has said claims_end or
    // done.
    std::optional<img::session_file_claim> next_claim();

    // TCP connections that lead out of the tree.
    img::session_connections connections();

    void claim(const img::session_file_claim &claim);
    void claims_end();
    void sockets_read();
    void released();
    void done(const img::session_stage_done &statistics);
    void fail(const Error &error);

  private:
    bool somebody_else_failed();
    struct Shared;
    void put(const img::session_record &record);
    void watch_holder();

    std::string name_;
    img::session_hello hello_;
    std::optional<image::Dir> images_;
    std::unique_ptr<Shared> shared_;
    std::thread forwarder_;
};

// The body of a stage's main: makes the Stage, runs `body`, turns an Error into a failure record for cr-thaw
// (and not into a second sentence on stderr). Returns the exit code.
int run_stage(const std::string &name, int in, int out, const std::function<void(Stage &)> &body,
              const Stage::Prepare &prepare = {});

} // namespace cr::session
