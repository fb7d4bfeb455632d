#include "libcr/restore/plan.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/restore/cgroups.h"
#include "libcr/restore/host.h"
#include "libcr/restore/pids.h"
#include "libcr/task/cpu.h"
#include "libcr/task/seccomp.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <unistd.h>

namespace cr::restore
{

namespace
{

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
    constexpr int kYetToOpen = 64;
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

// Whether session and terminal are to be the caller's. Where the tree needs that and the caller has a terminal
// he need not say so.
bool is_shell_job(const ImageSet &images, const RestoreRequest &request)
{
    if (request.shell_job || !request.files.stdio.empty())
        return true;
    if (images.tasks[0].tree.sid() == images.tasks[0].tree.pid())
        return false;
    if (files::callers_terminal(request.files.terminal).empty())
        refused("the root of the tree is not a session leader: its session and terminal were outside",
                "give --shell-job to put it into yours");
    log::warning("the tree was a job of a shell: it comes back into this terminal's session (--shell-job)");
    return true;
}

// A root that is to be left alone would get the signal at once, by our end.
void spare_root(ImageSet &images, const RestoreRequest &request)
{
    if (request.sibling || !request.detached)
        return;
    bool wanted = false;
    for (img::core_entry &thread : images.tasks[0].threads)
        if (thread.thread_core().pdeath_sig()) {
            thread.mutable_thread_core()->clear_pdeath_sig();
            wanted = true;
        }
    if (wanted)
        log::warning("pid ", images.tasks[0].pid(),
                     " wants a signal when its parent ends (PR_SET_PDEATHSIG); that would be now, so that it gets none "
                     "(--restore-sibling makes it a child of the caller, and keeps that)");
}

} // namespace

// Threads are born before the descriptors of their process then, which those that have their own would wait for.
void check_files_of_threads(const Plan &plan)
{
    if (!plan.files->has_of_threads())
        return;
    for (const TaskImage &task : plan.images.tasks)
        for (const task::ThreadTables &own : task.tables)
            if (!(own == task.tables.front()))
                refused(cat("pid ", task.pid(), " has threads with descriptors or directories of their own, and the tree has "
                            "files of single threads: both together are not supported"));
}

std::unique_ptr<Plan> make_plan(const RestoreRequest &request, plugin::Plugins *plugins)
{
    ImageSet images = read_images(request.images_dir);
    task::check_cpuinfo(images.dir, request.cpu_cap);
    task::Host host = host_of(request.features);
    check_tasks(images, host, request.features);
    decide_loginuid(images, request.features, host);
    warn_of_names(images, request.features);
    spare_root(images, request);
    bool shell_job = is_shell_job(images, request);
    auto plan = std::unique_ptr<Plan>(new Plan{std::move(images), {}, {}, {}, host, {}});
    plan->cgroups = plan_cgroups(plan->images, request.cgroups);
    plan->births = task::plan_births(kin_of(plan->images));
    choose_ids(plan->images, plan->births);
    auto segments = mm::plan_segments(plan->images.dir, spaces_of(plan->images));
    std::vector<mm::SharedPlan> shared = mm::plan_shared(plan->images.dir, spaces_of(plan->images));
    files::RestoreOptions options = request.files;
    options.shell_job = shell_job;
    options.plugins = plugins;
    for (const TaskImage &task : plan->images.tasks) {
        options.pids.insert(task.pid());
        for (int i = 1; i < task.tree.threads_size(); i++)
            options.threads.insert(static_cast<pid_t>(task.tree.threads(i)));
    }
    options.written = written_files(plan->images);
    int first = first_opener_number();
    options.first_number = first + static_cast<int>(shared.size());
    plan->files.emplace(plan->images.dir, tables_of(plan->images), options);
    check_files_of_threads(*plan);
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

} // namespace cr::restore
