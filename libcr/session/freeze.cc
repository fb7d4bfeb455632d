#include "libcr/session/freeze.h"

#include "libcr/base/clock.h"
#include "libcr/base/cpu_cap.h"
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/or_warn.h"
#include "libcr/files/temporary_links.h"
#include "libcr/image/parent.h"
#include "libcr/image/seal.h"
#include "libcr/inject/freeze.h"
#include "libcr/session/blockers.h"
#include "libcr/session/capture.h"
#include "libcr/session/hello.h"
#include "libcr/session/holder.h"
#include "libcr/session/last_resort.h"
#include "libcr/session/link.h"
#include "libcr/session/outer.h"
#include "libcr/session/tree_cgroups.h"
#include "libcr/session/wire.h"
#include "libcr/session/write_watches.h"
#include "libcr/sys/end_signals.h"
#include "libcr/task/cpu.h"
#include "libcr/task/kernel_facts.h"

#include <optional>
#include <set>

namespace cr::session
{

namespace
{

class Freeze
{
  public:
    Freeze(const FreezeRequest &request, int out) : request_(request), out_(out) {}
    Ended run();

  private:
    void begin();
    void start_plugins();
    void tell_connections(const std::vector<files::OuterConnection> &outer);
    void tell_tree_end();
    void tell_done();
    bool hold(inject::FrozenTree &tree, std::string &why);
    Ended freeze_and_hold();
    void forget_ended(const inject::FrozenTree &tree);
    void end_plugins(Ended ended);
    void remove_names();
    void fail(const std::vector<Error> &errors);

    const FreezeRequest &request_;
    int out_;
    std::optional<image::Dir> images_;
    const image::Dir nothing_ = image::Dir::null(); // for the states of tasks in a pre-dump
    Holder holder_;
    sys::EndSignals signals_;
    bool kept_ = true; // no temporary names of ours are to be removed
    img::session_hello hello_;
    img::session_connections connections_;
    uint64_t begin_us_ = 0, frozen_us_ = 0;
    WriteWatches watches_{request_}; // until cr-dump-mm has them
    task::KernelSource kernel_;
    plugin::Plugins plugins_;
    std::vector<pid_t> paused_; // whose devices they have paused
    bool killed_ = false;
    TreeCgroups cgroups_{request_};
};

void Freeze::begin()
{
    images_ = request_.dry_run ? image::Dir::null() : image::Dir::create(request_.images_dir);
    if (!request_.prev_images_dir.empty() && !request_.dry_run)
        image::earlier_dump(*images_, request_.prev_images_dir); // to hear now that it is not there
    img::session_record record;
    hello_ = make_hello(request_, holder_.fd());
    holder_.expect_pipeline(std::min<std::chrono::milliseconds>(3 * request_.timeout, std::chrono::hours(1)));
    if (request_.tcp_established && request_.lock_network)
        hello_.set_lock_fd(holder_.open_lock());
    start_plugins();
    *record.mutable_hello() = hello_;
    put_record(out_, record);
    record.Clear();
    record.set_stage_begin("cr-freeze");
    put_record(out_, record);
}

// A tree that is only looked at is none of theirs.
void Freeze::start_plugins()
{
    if (request_.dry_run)
        return;
    plugins_.heed(&signals_);
    plugins_.start(request_.plugins, request_.pre_dump ? plugin::Stage::PreDump : plugin::Stage::Dump, images_->fd());
    if (!plugins_.any())
        return;
    holder_.be_patient(request_.plugins.longest);
    img::session_plugins &out = *hello_.mutable_plugins();
    out.set_fd(plugins_.socket());
    out.set_hooks(plugins_.hooks());
    out.set_longest_s(static_cast<uint32_t>(request_.plugins.longest.count()));
}

void Freeze::tell_connections(const std::vector<files::OuterConnection> &outer)
{
    for (const files::OuterConnection &one : outer) {
        img::session_connection &connection = *connections_.add_all();
        connection.set_pid(static_cast<uint32_t>(one.pid));
        connection.set_fd(one.fd);
        connection.set_local(one.local);
        connection.set_peer(one.peer);
    }
    img::session_record record;
    *record.mutable_connections() = connections_;
    put_record(out_, record);
}

void Freeze::tell_tree_end()
{
    img::session_record record;
    record.set_tree_end(true);
    put_record(out_, record);
}

void Freeze::tell_done()
{
    img::session_record record;
    record.mutable_done()->set_stage("cr-freeze");
    record.mutable_done()->set_freezing_us(frozen_us_ - begin_us_);
    put_record(out_, record);
}

void Freeze::fail(const std::vector<Error> &errors)
{
    for (size_t i = 0; i < errors.size(); i++) {
        log::info(errors[i].what());
        img::session_record record;
        *record.mutable_failure() = to_record("cr-freeze", errors[i]);
        record.mutable_failure()->set_more(i + 1 < errors.size());
        put_record(out_, record);
    }
}

bool Freeze::hold(inject::FrozenTree &tree, std::string &why)
{
    auto let_go = [&](Release release) {
        watches_.drop();
        kept_ |= release != Release::Resume;
        killed_ = release == Release::Kill;
        if (!killed_)
            holder_.end_lock(); // or they would be told that they may not send
        if (killed_) {
            tree.doom();
            QuietEnd quiet(connections_);
            tree.kill();
        } else if (release == Release::Stop)
            tree.leave_stopped();
        else
            tree.resume();
        return monotonic_us() - begin_us_;
    };
    auto committed = [&](Release release) {
        if (!images_->has(image::Kind::Inventory))
            return false;
        if (release == Release::Kill && connections_.all_size() && hello_.has_lock_fd())
            lock_for_good(*images_, hello_.lock_fd(), hello_.run_id(), connections_);
        return true;
    };
    return holder_.serve(
        out_, let_go, committed, [&] { return tree.trouble(); }, why);
}

// Unless there is a checkpoint that needs them: a tree that goes on has the files open.
void Freeze::remove_names()
{
    if (kept_)
        return;
    or_warn([&] { files::remove_temporary_links(*images_); });
}

// Who was paused and did not live to see the freeze.
void Freeze::forget_ended(const inject::FrozenTree &tree)
{
    std::set<pid_t> living;
    for (const inject::FrozenTask &task : tree.tasks())
        if (task.state != inject::FrozenTask::State::Zombie)
            living.insert(task.pid);
    std::erase_if(paused_, [&](pid_t pid) { return !living.count(pid); });
}

// A tree that goes on needs its devices, each process for itself.
void Freeze::end_plugins(Ended ended)
{
    plugins_.heed(nullptr);
    int code = ended == Ended::Well ? 0 : -1;
    bool resume = !code && !killed_;
    for (pid_t pid : resume ? paused_ : std::vector<pid_t>()) {
        try {
            plugins_.run(plugin::Hook::ResumeDevices, pid);
        } catch (const Error &error) {
            log::error(error.what());
            code = -1;
        }
    }
    plugins_.end(code);
}

Ended Freeze::run()
{
    begin();
    Ended ended;
    try {
        ended = freeze_and_hold();
    } catch (...) { // no Error: of memory, or of a thread
        plugins_.heed(nullptr);
        plugins_.end(-1);
        throw;
    }
    end_plugins(ended);
    remove_names();
    return ended;
}

Ended Freeze::freeze_and_hold()
{
    try {
        if (request_.leave_running && !request_.dry_run)
            holder_.wait_for_pipeline(out_);
        begin_us_ = monotonic_us();
        inject::FreezeOptions options;
        options.timeout = request_.timeout;
        options.collect = true;
        options.heed = [this] { signals_.check(); };
        // Until other ends of the session watch over us, too; each question to a plugin may take its time.
        std::optional<LastResort> last_resort(std::in_place,
                                              std::chrono::duration_cast<std::chrono::seconds>(12 * request_.timeout) +
                                                  (plugins_.any() ? request_.plugins.longest : std::chrono::seconds(0)));
        if (plugins_.has(plugin::Hook::PauseDevices))
            options.prepare = [&](pid_t pid) {
                last_resort->begin_anew();
                plugins_.run(plugin::Hook::PauseDevices, pid);
                paused_.push_back(pid);
            };
        cgroups_.freeze(options);
        std::vector<Fd> old_pages; // freed when the tree has been let go
        inject::FrozenTree tree(request_.tree, options);
        frozen_us_ = monotonic_us();
        forget_ended(tree);
        BlockersFound found = find_blockers(tree, request_, kernel_, plugins_, signals_);
        cgroups_.look(tree, found);
        if (!found.blockers.empty()) {
            tree.resume();
            fail(found.blockers);
            auto refused = [](const Error &error) { return error.kind() == Error::Kind::Refused; };
            return std::all_of(found.blockers.begin(), found.blockers.end(), refused) ? Ended::Refused : Ended::Failed;
        }
        // Only now: a dump that is refused leaves an older checkpoint in the directory as it was.
        if (!request_.dry_run) {
            old_pages = image::begin(*images_);
            files::remove_temporary_links(*images_); // of the earlier dump
            kept_ = !request_.link_remap;
            if (request_.link_remap && !request_.pre_dump)
                files::permit_temporary_links(*images_);
            if (!request_.prev_images_dir.empty())
                image::link_parent(*images_, request_.prev_images_dir);
            if (request_.cpu_cap & kCpuImage)
                task::write_cpuinfo(*images_);
        }
        if (!request_.pre_dump)
            for (const inject::FrozenTask &task : tree.tasks())
                if (task.state != inject::FrozenTask::State::Zombie) {
                    last_resort->begin_anew();
                    plugins_.run(plugin::Hook::CheckpointDevices, task.pid);
                }
        tell_connections(found.connections);
        const image::Dir &states = request_.pre_dump ? nothing_ : *images_;
        capture_tree(tree, request_, found, kernel_, watches_, states, out_);
        tell_tree_end();
        cgroups_.write(states);
        tell_done();
        std::string why;
        last_resort.reset();
        if (hold(tree, why))
            return Ended::Well;
        fail({Error(Error::Kind::Failed, 0, "finish the dump: " + why, "the processes run on as before")});
    } catch (const Error &error) {
        try {
            fail({error});
        } catch (const Error &) {
            // Nobody is there to hear it; the tree runs on.
        }
    }
    return Ended::Failed;
}

} // namespace

Ended freeze(const FreezeRequest &request, int out)
{
    refuse_terminal_output(out, "cr-freeze");
    block_stop_signals();
    return Freeze(request, out).run();
}

} // namespace cr::session
