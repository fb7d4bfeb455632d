#include "libcr/restore/restore.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/inject/tree.h"
#include "libcr/mm/fill.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/program/enter.h"
#include "libcr/program/print.h"
#include "libcr/restore/guardian.h"
#include "libcr/restore/host.h"
#include "libcr/restore/images.h"
#include "libcr/restore/memory.h"
#include "libcr/restore/opener_process.h"
#include "libcr/restore/outside.h"
#include "libcr/restore/pids.h"
#include "libcr/restore/programs.h"
#include "libcr/restore/region_memory.h"
#include "libcr/restore/stops.h"
#include "libcr/restore/tracees.h"
#include "libcr/sys/ptrace.h"
#include "libcr/task/births.h"
#include "libcr/task/cpu.h"
#include "libcr/task/registers.h"
#include "libcr/task/restart.h"
#include "libcr/task/seccomp.h"
#include "libcr/task/state.h"
#include "libcr/task/thread_flags.h"

#include <csignal>
#include <fcntl.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

uint32_t elapsed_us(uint64_t since_us)
{
    timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<uint32_t>(static_cast<uint64_t>(ts.tv_sec) * 1000000 +
                                 static_cast<uint64_t>(ts.tv_nsec) / 1000 - since_us);
}

uint64_t now_us()
{
    timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<uint64_t>(ts.tv_sec) * 1000000 + static_cast<uint64_t>(ts.tv_nsec) / 1000;
}

// Everything that is known before anything is made.
struct Plan {
    ImageSet images;
    task::BirthPlan births;
    std::optional<files::Plan> files;
    MemoryPlan memory;
    task::Host host;
};

std::vector<const img::mm_entry *> spaces_of(const ImageSet &images)
{
    std::vector<const img::mm_entry *> out;
    for (const TaskImage &task : images.tasks)
        if (task.mm)
            out.push_back(&*task.mm);
    return out;
}

std::vector<files::TaskTable> tables_of(const ImageSet &images)
{
    std::vector<files::TaskTable> out;
    for (const TaskImage &task : images.tasks)
        for (size_t i = 0; i < task.tables.size(); i++)
            if (i == 0 || task.tables[i] != task.tables[0])
                out.push_back(
                    {static_cast<pid_t>(task.tree.threads(static_cast<int>(i))), task.tables[i].files});
    return out;
}

void check_tasks(const ImageSet &images, const task::Host &host, const feature::Features &features)
{
    for (const TaskImage &task : images.tasks)
        for (size_t i = 0; i < task.threads.size(); i++) {
            auto name = [&] {
                return cat("pid ", task.pid(), ", thread ", task.tree.threads(static_cast<int>(i)));
            };
            Subject subject(name);
            task::check(task.threads[i], i == 0, host);
            if (task.zombie() || !task::has_seccomp(task.threads[i]))
                continue;
            task::check_seccomp(task.threads[i], images.filters);
            if (!features.has(feature::Id::SeccompSuspend))
                refused("it is under seccomp, which has to be suspended while it is restored",
                        "that needs CAP_SYS_ADMIN, and to be under no filter oneself");
        }
}

// The opener begins with our descriptors and puts its own above all of them, those that we are yet to open
// included.
int first_opener_number()
{
    constexpr int kYetToOpen = 32;
    std::vector<int> open = proc::PidDir(::getpid()).numbers("fd");
    return std::max(64, open.back() + kYetToOpen);
}

std::set<uint32_t> written_files(const ImageSet &images)
{
    std::set<uint32_t> out;
    for (const img::mm_entry *space : spaces_of(images))
        for (const img::vma_entry &vma : space->vmas())
            if (vma.status() & mm::kVmaFileShared && (vma.fdflags() & O_ACCMODE) == O_RDWR)
                out.insert(static_cast<uint32_t>(vma.shmid()));
    return out;
}

// The login user that audit knows is inherited, so it is set only where one differs from ours.
void decide_loginuid(const ImageSet &images, const feature::Features &features, task::Host &host)
{
    auto ours = parse_int<uint32_t>(trim(proc::PidDir(::getpid()).read_if_there("loginuid")));
    auto differs = [&](const TaskImage &task) {
        return !task.zombie() && task.leader().tc().has_loginuid() && task.leader().tc().loginuid() != ours;
    };
    if (std::none_of(images.tasks.begin(), images.tasks.end(), differs))
        return;
    host.set_loginuid = features.has(feature::Id::Loginuid);
    if (!host.set_loginuid)
        log::warning("the tasks get the audit login user of their restorer, as it cannot be set here "
                     "(that needs CAP_AUDIT_CONTROL and a kernel with CONFIG_AUDIT)");
}

void warn_of_names(const ImageSet &images, const feature::Features &features)
{
    size_t names = 0;
    for (const img::mm_entry *space : spaces_of(images))
        names +=
            static_cast<size_t>(std::count_if(space->vmas().begin(), space->vmas().end(),
                                              [](const img::vma_entry &vma) { return vma.has_cr_name(); }));
    if (names && !features.has(feature::Id::AnonNames))
        log::warning("names of ", names,
                     " areas of memory are lost: this kernel has none (CONFIG_ANON_VMA_NAME)");
}

std::unique_ptr<Plan> make_plan(const RestoreRequest &request)
{
    ImageSet images = read_images(request.images_dir);
    task::check_cpuinfo(images.dir, request.cpu_cap);
    task::Host host = host_of(request.features);
    check_tasks(images, host, request.features);
    decide_loginuid(images, request.features, host);
    warn_of_names(images, request.features);
    if (!request.shell_job && images.tasks[0].tree.sid() != images.tasks[0].tree.pid())
        refused("the root of the tree is not a session leader: its session and terminal were outside",
                "give --shell-job to put it into yours");
    auto plan = std::unique_ptr<Plan>(new Plan{std::move(images), {}, {}, {}, host});
    plan->births = task::plan_births(kin_of(plan->images));
    choose_ids(plan->images, plan->births);
    auto segments = mm::plan_segments(plan->images.dir, spaces_of(plan->images));
    std::vector<mm::SharedPlan> shared = mm::plan_shared(plan->images.dir, spaces_of(plan->images));
    files::RestoreOptions options = request.files;
    options.shell_job = request.shell_job;
    for (const TaskImage &task : plan->images.tasks)
        options.pids.insert(task.pid());
    options.written = written_files(plan->images);
    int first = first_opener_number();
    options.first_number = first + static_cast<int>(shared.size());
    plan->files.emplace(plan->images.dir, tables_of(plan->images), options);
    plan->memory = plan_memory(plan->images, plan->births, *plan->files);
    plan->memory.shared = std::move(shared);
    plan->memory.segments = std::move(segments);
    plan->memory.first_shared = first;
    return plan;
}

// Programs are built for a region of some size at some place, and only then is known how large it has to be:
// a generous guess comes first.
void build(Plan &plan, const Surroundings &surroundings, Programs &out)
{
    uint64_t size = 1 << 20;
    for (const TaskImage &task : plan.images.tasks)
        size +=
            task.threads.size() * 32768 + (task.mm ? static_cast<uint64_t>(task.mm->vmas_size()) * 2048 : 0);
    for (;; size *= 2) {
        out = Programs{};
        place_region(plan.memory, plan.images, page_up(size));
        build_programs(plan.images, plan.births, *plan.files, plan.memory, plan.host, surroundings, out);
        if (out.region.size() <= plan.memory.frame.region.size())
            return;
    }
}

// One run of a plan, from the opener to the detached tree. Its destructor leaves nothing behind unless
// release() has been reached.
class Execution
{
  public:
    Execution(const RestoreRequest &request, Plan &plan) : request_(request), plan_(plan)
    {
        ::clock_gettime(CLOCK_REALTIME_COARSE, &begun_);
    }
    ~Execution()
    {
        if (!opener_)
            return;
        opener_.reset();
        try {
            plan_.files->remove_left_ghosts(begun_);
        } catch (const Error &error) { // what went wrong before is told
            log::warning(error.what());
        }
    }
    RestoreResult run();

  private:
    using Thread = std::pair<pid_t, pid_t>; // tid, tgid
    void start_opener();
    void make_programs();
    void clone_root();
    void follow();
    void set_state();
    void release();
    Expected expectations() const;
    void begin_calls();
    void set_registers(const TaskImage &task);
    void end_leader(size_t number);
    void see_leaders_end() const;
    void hook(const char *point) const
    {
        if (request_.hook)
            request_.hook(point, root_);
    }

    const RestoreRequest &request_;
    Plan &plan_;
    timespec begun_{};
    std::optional<ReadyToClone> ready_; // goes last: until then the dead come to us
    std::set<pid_t> wanted_;
    std::vector<Thread> threads_;
    std::vector<pid_t> leaders_;
    Surroundings surroundings_;
    std::optional<files::Opener> opener_work_;
    std::optional<OpenerProcess> opener_;
    std::optional<mm::Segments> segments_;
    Programs programs_;
    std::optional<RegionMemory> memory_;
    std::optional<Tracees> tracees_;
    Fd gate_read_, gate_write_;
    std::map<pid_t, std::deque<const mm::TaskPlan::Part *>> fills_; // still to be done
    std::set<pid_t> in_calls_; // threads whose call the kernel goes on with
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
    opener_.emplace(
        wanted_, open_all, [this] { opener_work_->open_late(); }, [this] { opener_work_->after_tasks(); });
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
    tracees_->seize_root();
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
    for (const TaskImage &task : plan_.images.tasks)
        if (!task.zombie())
            set_from_outside(task);
    set_autogroups(plan_.images);
}

// Calls with a timeout go on with the time that was left.
void Execution::begin_calls()
{
    std::map<pid_t, user_regs_struct> calls;
    for (size_t number = 0; number < plan_.images.tasks.size(); number++) {
        const TaskImage &task = plan_.images.tasks[number];
        if (task.zombie() || task.runs_32_bit())
            continue;
        TargetAddr insn = syscall_instruction(plan_.images, number, plan_.memory.vdsos).insn;
        for (size_t i = 0; i < task.threads.size(); i++) {
            const img::thread_core_entry &core = task.threads[i].thread_core();
            if (!task.threads[i].has_thread_info())
                continue; // of a main thread that has ended
            user_regs_struct regs = task::get_registers(task.threads[i].thread_info().gpregs());
            if (!core.has_cr_call_left() || !task::held_in_restart_block(regs))
                continue;
            pid_t tid = static_cast<pid_t>(task.tree.threads(static_cast<int>(i)));
            program::DataId slot = programs_.call_slots.at(tid);
            timespec time{};
            if (!task::with_time_left(regs, core.cr_call_left(), memory_->write(slot, &time, sizeof time),
                                      time))
                continue;
            memory_->write(slot, &time, sizeof time);
            regs.rip = insn.value;
            regs.rax = regs.orig_rax;
            regs.orig_rax = ~0ull;
            calls[tid] = regs;
        }
    }
    in_calls_ = tracees_->begin_calls(calls);
}

// A main thread that has ended does so again as soon as it is let go: its children and the other threads have
// come from it.
void Execution::end_leader(size_t number)
{
    const TaskImage &task = plan_.images.tasks[number];
    user_regs_struct regs;
    sys::check(sys::ptrace::get_registers(task.pid(), regs), "read registers");
    uint64_t code = task.leader().tc().cr_leader_exit_code() >> 8;
    syscall_instruction(plan_.images, number, plan_.memory.vdsos).call(regs, SYS_exit, {code});
    sys::check(sys::ptrace::set_registers(task.pid(), regs), "set registers");
}

void Execution::set_registers(const TaskImage &task)
{
    for (size_t i = task.leader_dead() ? 1 : 0; i < task.threads.size(); i++) {
        pid_t tid = static_cast<pid_t>(task.tree.threads(static_cast<int>(i)));
        auto name = [&] { return cat("pid ", task.pid(), ", thread ", tid); };
        Subject subject(name);
        const img::core_entry &core = task.threads[i];
        user_regs_struct regs = task::get_registers(core.thread_info().gpregs());
        // Where there is no restart block in the new task the call is made again from its arguments.
        constexpr uint64_t kRestartBlock = static_cast<uint64_t>(-516),
                           kRestartNoHand = static_cast<uint64_t>(-514);
        if (static_cast<int64_t>(regs.orig_rax) >= 0 && regs.rax == kRestartBlock && !in_calls_.count(tid))
            regs.rax = kRestartNoHand;
        sys::check(sys::ptrace::set_xsave(tid, task::get_xsave(core.thread_info().fpregs())),
                   "set floating-point registers");
        for (const user_desc &area : task::thread_areas(core))
            sys::check(sys::ptrace::set_thread_area(tid, area.entry_number, area),
                       "set an area of thread-local storage");
        sys::check(sys::ptrace::set_registers(tid, regs), "set registers");
        uint64_t mask =
            core.thread_core().has_blk_sigset() ? core.thread_core().blk_sigset() : core.tc().blk_sigset();
        sys::check(sys::ptrace::set_sigmask(tid, mask), "set the signal mask");
        task::set_user_dispatch(tid, core);
    }
}

void Execution::set_state()
{
    tracees_->stop_all(threads_);
    opener_.reset();
    begin_calls();
    auto syscall_in = [this](size_t task) {
        return syscall_instruction(plan_.images, task, plan_.memory.vdsos);
    };
    stop_early(plan_.images, *tracees_, *memory_, programs_.stops_slot, syscall_in);
    for (size_t i = 0; i < plan_.images.tasks.size(); i++)
        if (plan_.images.tasks[i].mm) {
            pid_t pid = plan_.images.tasks[i].pid();
            sys::check(tracees_->call_in(pid, syscall_in(i), SYS_munmap,
                                         {memory_->base().value, memory_->size(), 0, 0, 0}),
                       [&] { return cat("unmap the programs of the new pid ", pid); });
        }
    for (size_t i = 0; i < plan_.images.tasks.size(); i++) {
        if (plan_.images.tasks[i].leader_dead())
            end_leader(i);
        if (!plan_.images.tasks[i].zombie())
            set_registers(plan_.images.tasks[i]);
    }
}

// Who looks at the restored tree at once shall find main threads dead that were. Nothing depends on it.
void Execution::see_leaders_end() const
{
    constexpr int kTries = 500;
    for (const TaskImage &task : plan_.images.tasks) {
        if (!task.leader_dead() || task.leader().tc().task_state() == task::kStopped ||
            request_.leave_stopped)
            continue;
        for (int i = 0; i < kTries; i++) {
            auto stat = inject::stat_of(task.pid(), task.pid());
            if (!stat || stat->state == 'Z')
                break;
            ::usleep(1000);
        }
    }
}

// From the guardian's commit on everybody lives.
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
    Guardian guardian(leaders_);
    tracees_->clear_exitkill(threads_);
    guardian.commit();
    hook("pre-resume");
    tracees_->detach(threads_);
    see_leaders_end();
}

RestoreResult Execution::run()
{
    uint64_t begin = now_us();
    for (const TaskImage &task : plan_.images.tasks) {
        if (!task.zombie())
            leaders_.push_back(task.pid());
        for (uint32_t tid : task.tree.threads()) {
            wanted_.insert(static_cast<pid_t>(tid));
            if (!task.zombie())
                threads_.emplace_back(static_cast<pid_t>(tid), task.pid());
        }
    }
    for (const task::Birth &birth : plan_.births.births)
        wanted_.insert(birth.pid);
    hook("pre-restore");
    ready_.emplace();
    start_opener();
    segments_.emplace(plan_.images.dir,
                      plan_.memory.segments); // before a place for the programs is looked for
    make_programs();
    opener_->wait_opened();
    uint64_t forking = now_us();
    clone_root();
    hook("setup-namespaces");
    hook("post-setup-namespaces");
    follow();
    segments_->detach();
    result_.statistics.set_forking_time(elapsed_us(forking));
    set_state();
    hook("post-restore");
    release();
    segments_->keep();
    result_.root = root_;
    result_.statistics.set_restore_time(elapsed_us(begin));
    return result_;
}

} // namespace

RestoreResult restore(const RestoreRequest &request)
{
    auto plan = make_plan(request);
    check_pids_free(plan->images, plan->births);
    // Newer kernels give ids of dead processes and threads back a moment after their parent was told: the ids
    // are free by all that can be seen and still cannot be had.
    constexpr int kTries = 50;
    for (int i = 1;; i++) {
        try {
            return Execution(request, *plan).run();
        } catch (const Error &error) {
            if (error.err() != EEXIST || i == kTries)
                throw;
            log::debug("an id is not free yet: ", error.what());
        }
        ::usleep(10000);
        choose_ids(plan->images, plan->births);
        check_pids_free(plan->images, plan->births);
    }
}

std::string describe(const RestoreRequest &request)
{
    auto plan = make_plan(request);
    Programs programs;
    build(*plan, Surroundings{}, programs);
    std::string out;
    for (const TaskImage &task : plan->images.tasks)
        out +=
            cat("task ", task.pid(), " parent ", task.tree.ppid(), " group ", task.tree.pgid(), " session ",
                task.tree.sid(), " threads ", task.threads.size(), task.zombie() ? " dead" : "", "\n");
    for (const std::string &line : plan->files->describe())
        out += line + "\n";
    for (uint32_t i = 0; i < programs.region.program_count(); i++)
        out += cat("\n", programs.region.program({i}).name(), ":\n", program::print(programs.region, {i}));
    return out;
}

} // namespace cr::restore
