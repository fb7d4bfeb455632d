#include "libcr/restore/cgroups.h"

#include "libcr/image/reader.h"

namespace cr::restore
{

namespace
{

uint32_t set_of(const TaskImage &task, size_t thread)
{
    const img::core_entry &core = task.threads[thread];
    if (core.thread_core().has_cg_set())
        return core.thread_core().cg_set();
    return task.leader().tc().cg_set(); // 0: nothing is known
}

} // namespace

ns::CgroupPlan plan_cgroups(const ImageSet &images, const ns::CgroupOptions &options)
{
    std::set<uint32_t> used;
    for (const TaskImage &task : images.tasks)
        if (!task.zombie())
            for (size_t i = 0; i < task.threads.size(); i++)
                used.insert(set_of(task, i));
    auto image = image::read_optional<img::cgroup_entry>(images.dir, image::Kind::Cgroup);
    return ns::CgroupPlan(image ? std::move(*image) : img::cgroup_entry(), images.inventory.root_cg_set(), used,
                          options);
}

Cgroups::Cgroups(const ns::CgroupPlan &plan, const ns::CgroupOptions &options, const ImageSet &images,
                 const task::BirthPlan &births, const std::set<pid_t> &wanted)
    : groups_(plan, options, wanted)
{
    if (plan.empty())
        return;
    std::vector<uint32_t> born_in; // helpers, intermediates and zombies stay where they are born
    for (size_t i = 0; i < births.births.size(); i++) {
        const task::Birth &birth = births.births[i];
        uint32_t from = i == 0 ? 0 : born_in.at(birth.cloner);
        uint32_t set =
            birth.role == task::Birth::Role::Task ? set_of(images.tasks[birth.task], 0) : from;
        born_in.push_back(set);
        if (set != from)
            steps_[birth.pid] = {from, set};
    }
}

void Cgroups::enter(pid_t pid)
{
    if (auto step = steps_.find(pid); step != steps_.end())
        groups_.enter(pid, step->second.from, step->second.set);
}

void Cgroups::follow(Tracees &tracees, pid_t root)
{
    if (groups_.watcher())
        tracees.also_ours(groups_.watcher(), "process that watches over control groups");
    enter(root);
    if (!steps_.empty())
        tracees.at_birth([this](pid_t pid) { enter(pid); });
}

void Cgroups::put_threads(const ImageSet &images)
{
    if (!groups_.watcher())
        return;
    for (const TaskImage &task : images.tasks)
        for (size_t i = 1; i < task.threads.size(); i++)
            if (uint32_t own = set_of(task, i), common = set_of(task, 0); own != common)
                groups_.enter(static_cast<pid_t>(task.tree.threads(static_cast<int>(i))), common, own, true);
}

} // namespace cr::restore
