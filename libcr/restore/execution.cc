#include "libcr/restore/execution.h"

#include "libcr/base/clock.h"
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/never_free.h"
#include "libcr/base/or_warn.h"
#include "libcr/base/text.h"
#include "libcr/files/temporary_links.h"
#include "libcr/inject/tree.h"
#include "libcr/mm/fill.h"
#include "libcr/program/enter.h"
#include "libcr/restore/cgroups.h"
#include "libcr/restore/guardian.h"
#include "libcr/restore/host.h"
#include "libcr/restore/last_step.h"
#include "libcr/restore/network.h"
#include "libcr/restore/opener_process.h"
#include "libcr/restore/outside.h"
#include "libcr/restore/pids.h"
#include "libcr/restore/region_memory.h"
#include "libcr/restore/stops.h"
#include "libcr/restore/tracees.h"
#include "libcr/task/state.h"

#include <csignal>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <map>
#include <optional>
#include <set>
#include <unistd.h>
#include <vector>

namespace cr::restore
{

namespace
{

uint32_t elapsed_us(uint64_t since_us) { return static_cast<uint32_t>(monotonic_us() - since_us); }

// One run of a plan, from the opener to the detached tree. Its destructor leaves nothing behind unless
// release() has been reached.
class Execution
{
  public:
    Execution(const RestoreRequest &request, Plan &plan, plugin::Plugins &plugins)
        : request_(request), plan_(plan), plugins_(plugins)
    {
        ::clock_gettime(CLOCK_REALTIME_COARSE, &begun_);
    }
    ~Execution()
    {
        if (!opener_)
            return;
        opener_.reset();
        or_warn([&] { plan_.files->ghosts().remove_left(begun_); });
    }
    RestoreResult run();

  private:
    using Thread = std::pair<pid_t, pid_t>; // tid, tgid
    void start_opener();
    void make_programs();
    void clone_root();
    void follow();
    void give_master() const;
    void set_state();
    void release();
    // Whether there is something to do when the tasks are sure to live.
    bool has_last_work() const { return network_->has_end() || plan_.files->has_last_work(); }
    void do_last_work();
    Expected expectations() const;
    void see_states() const;
    void hook(const char *point) const
    {
        if (request_.hook)
            request_.hook(point, root_);
    }

    const RestoreRequest &request_;
    Plan &plan_;
    plugin::Plugins &plugins_;
    timespec begun_{};
    std::optional<ReadyToClone> ready_; // goes last: until then the dead come to us
    std::optional<Cgroups> cgroups_;    // when nobody is in them any more
    std::set<pid_t> wanted_;
    std::vector<Thread> threads_;
    std::vector<pid_t> leaders_;
    Surroundings surroundings_;
    std::optional<files::Opener> opener_work_;
    Commitment commitment_;
    std::optional<NetworkLock> network_;
    std::optional<OpenerProcess> opener_;
    std::optional<mm::Segments> segments_;
    Programs programs_;
    std::optional<RegionMemory> memory_;
    std::optional<Tracees> tracees_;
    Fd gate_read_, gate_write_;
    std::map<pid_t, std::deque<const mm::TaskPlan::Part *>> fills_; // still to be done
    pid_t root_ = 0;
    RestoreResult result_;
};

void Execution::start_opener()
{
    opener_work_.emplace(*plan_.files);
    auto open_all = [this] {
        for (size_t i = 0; i < plan_.memory.shared.size(); i++) {
            Fd fd = mm::make_shared(plan_.images.dir, plan_.memory.shared[i]);
            sys::check(
                sys::call(SYS_dup3, fd.get(), plan_.memory.first_shared + static_cast<int>(i), O_CLOEXEC),
                "place shared memory");
        }
        opener_work_->open_all();
    };
    auto let_go = [this] {
        network_->end();
        opener_work_->let_go();
    };
    OpenerWork work{open_all, [this] { opener_work_->open_late(); }, [this] { opener_work_->after_tasks(); },
                    let_go};
    network_.emplace(plan_.images.inventory, *plan_.files);
    opener_.emplace(wanted_, work, commitment_);
    surroundings_.opener = opener_->pid();
    surroundings_.images = plan_.images.dir.fd();
}

void Execution::make_programs()
{
    int ends[2];
    sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe to the root of the new tree");
    gate_read_ = Fd(ends[0]);
    gate_write_ = Fd(ends[1]);
    surroundings_.gate_read = ends[0];
    surroundings_.gate_write = ends[1];
    build(plan_, surroundings_, programs_);
    const mm::Range &region = plan_.memory.frame.region;
    memory_.emplace(programs_.region, region.start, region.size());
    fills_ = plan_.memory.outside(plan_.images, plan_.births);
}

Expected Execution::expectations() const
{
    Expected out;
    out.births = plan_.births.births.size() - 1;
    for (const task::Birth &birth : plan_.births.births) {
        out.processes.insert(birth.pid);
        if (birth.role == task::Birth::Role::Zombie)
            out.endings[birth.pid] =
                static_cast<int>(plan_.images.tasks[birth.task].leader().tc().exit_code());
        else if (birth.role != task::Birth::Role::Task)
            out.endings[birth.pid] = 0;
        if (birth.sibling || birth.exit_signal != SIGCHLD)
            out.clone_events.insert(plan_.births.births[birth.cloner].pid);
    }
    for (const auto &[pid, parts] : fills_)
        out.fills[pid] = parts.size();
    out.seccomp = !programs_.filtered.empty();
    return out;
}

void Execution::clone_root()
{
    pid_t pid = plan_.images.tasks[0].pid();
    clone_args args{};
    args.flags = request_.sibling ? CLONE_PARENT : 0;
    args.exit_signal = request_.sibling ? 0 : SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&pid);
    args.set_tid_size = 1;
    program::Start start;
    start.player = memory_->base();
    start.entry = memory_->base() + programs_.region.offset_of(programs_.root);
    start.fail_record = memory_->base() + programs_.region.fail_record_offset(programs_.root);
    start.fail_entry = memory_->base() + programs_.region.offset_of(programs_.failure);
    long r = program::clone_into(args, start);
    sys::check(r, [&] { return cat("create pid ", pid); });
    root_ = pid;
    auto fill = [this](pid_t who) {
        auto &parts = fills_.at(who);
        mm::fill(who, plan_.memory.plan_of(plan_.images, plan_.images.by_pid.at(who)), *parts.front());
        parts.pop_front();
    };
    tracees_.emplace(root_, expectations(), fill, [this] { return memory_->failure(); });
    tracees_->also_ours(opener_->pid(), "opener");
    if (plugins_.any())
        tracees_->also_ours(plugins_.host(), "program that loads plugins");
    tracees_->seize_root();
    cgroups_->follow(*tracees_, root_);
    char byte = 1;
    sys::check(sys::call(SYS_write, gate_write_.get(), &byte, 1), "start the root of the new tree");
    gate_read_.reset();
}

void Execution::follow()
{
    if (plan_.files->has_late()) {
        tracees_->attend(memory_->word(programs_.born), programs_.born_target);
        if (auto why = memory_->failure())
            throw *why;
        opener_->open_late();
        memory_->set_word(programs_.late_there, 1);
    }
    if (!programs_.filtered.empty()) {
        tracees_->attend(memory_->word(programs_.at_filters),
                         static_cast<uint32_t>(programs_.filtered.size()));
        tracees_->suspend_seccomp(programs_.filtered);
        memory_->set_word(programs_.filters_suspended, 1);
    }
    tracees_->attend(memory_->word(programs_.ready), programs_.ready_target);
    if (auto why = memory_->failure())
        throw *why;
    opener_->after_tasks();
    plugins_.run(plugin::Hook::PostForking);
    for (const TaskImage &task : plan_.images.tasks)
        if (!task.zombie())
            set_from_outside(task);
    set_autogroups(plan_.images);
    cgroups_->put_threads(plan_.images);
}

void Execution::set_state()
{
    tracees_->stop_all(threads_);
    take_last_step(plan_, *tracees_, *memory_, programs_);
    for (pid_t pid : leaders_)
        plugins_.run(plugin::Hook::ResumeDevices, pid);
}

// Who looks at the restored tree at once shall find main threads dead that were, and stopped what shall be.
void Execution::see_states() const
{
    for (const TaskImage &task : plan_.images.tasks) {
        bool stops = task.leader().tc().task_state() == task::kStopped || request_.leave_stopped;
        if (stops && !task.zombie())
            for (uint32_t tid : task.tree.threads())
                inject::see_state(task.pid(), static_cast<pid_t>(tid), "TZX");
        else if (task.leader_dead())
            inject::see_state(task.pid(), task.pid(), "ZX");
    }
}

// Nothing can be undone any more.
void Execution::do_last_work()
{
    or_warn([&] {
        if (has_last_work())
            opener_->let_go();
    });
    opener_.reset();
}

// From the commitment on everybody lives.
void Execution::release()
{
    for (size_t i = 0; i < plan_.images.tasks.size(); i++) {
        const TaskImage &task = plan_.images.tasks[i];
        uint32_t state = task.leader().tc().task_state();
        if (task.zombie() || stopped_early(plan_.images, i) ||
            (state != task::kStopped && !request_.leave_stopped))
            continue;
        uint32_t signo = task.leader().tc().stop_signo();
        ::kill(task.pid(), state == task::kStopped && signo ? static_cast<int>(signo) : SIGSTOP);
    }
    Guardian guardian(leaders_, commitment_);
    tracees_->clear_exitkill(threads_);
    if (has_last_work())
        opener_->outlive();
    commitment_.make();
    cgroups_->keep();
    segments_->keep();
    do_last_work();
    hook("pre-resume");
    tracees_->detach(threads_);
    see_states();
    cgroups_->freeze();
}

void Execution::give_master() const
{
    const files::TerminalPlan &terminals = plan_.files->terminals();
    if (!terminals.orphan_master() || !request_.give_master)
        return;
    Fd opener(static_cast<int>(sys::check(sys::pidfd_open(opener_->pid()), "open a pidfd of the opener")));
    int number = plan_.files->number(*terminals.orphan_master());
    long master = sys::check(sys::pidfd_getfd(opener.get(), number), "take the new master of a terminal");
    request_.give_master(Fd(static_cast<int>(master)).get());
}

RestoreResult Execution::run()
{
    uint64_t begin = monotonic_us();
    for (const TaskImage &task : plan_.images.tasks) {
        if (!task.zombie())
            leaders_.push_back(task.pid());
        for (uint32_t tid : task.tree.threads())
            if (!task.zombie())
                threads_.emplace_back(static_cast<pid_t>(tid), task.pid());
    }
    wanted_ = wanted_ids(plan_.images, plan_.births);
    hook("pre-restore");
    ready_.emplace();
    cgroups_.emplace(plan_.cgroups, request_.cgroups, plan_.images, plan_.births, wanted_);
    cgroups_->make();
    start_opener();
    segments_.emplace(plan_.images.dir,
                      plan_.memory.segments); // before a place for the programs is looked for
    make_programs();
    opener_->wait_opened();
    give_master();
    uint64_t forking = monotonic_us();
    clone_root();
    hook("setup-namespaces");
    hook("post-setup-namespaces");
    follow();
    segments_->detach();
    result_.statistics.set_forking_time(elapsed_us(forking));
    set_state();
    hook("post-restore");
    release();
    or_warn([&] { plan_.files->ghosts().remove_links(); });
    or_warn([&] { files::forget_temporary_links(plan_.images.dir); });
    result_.root = root_;
    result_.statistics.set_restore_time(elapsed_us(begin));
    never_free(std::move(programs_));
    return result_;
}

} // namespace

RestoreResult execute(const RestoreRequest &request, Plan &plan, plugin::Plugins &plugins)
{
    return Execution(request, plan, plugins).run();
}

} // namespace cr::restore
