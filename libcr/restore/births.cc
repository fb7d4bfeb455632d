#include "libcr/restore/births.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <map>

namespace cr::restore
{

namespace
{

class Planner
{
  public:
    explicit Planner(const ImageSet &images) : images_(images) {}
    BirthPlan plan();

  private:
    struct Known {
        pid_t first_sid = 0; // session at birth, before a setsid of its own
        pid_t sid = 0;       // session in the end
    };
    size_t add(Birth birth, Known known);
    void bear(size_t task);
    size_t session_helper(pid_t sid, size_t parent, pid_t first_sid);
    void plan_groups();

    const ImageSet &images_;
    BirthPlan out_;
    std::vector<Known> known_;
    std::map<size_t, size_t> birth_of_task_;
    std::map<pid_t, size_t> helper_of_session_;
};

size_t Planner::add(Birth birth, Known known)
{
    out_.births.push_back(std::move(birth));
    known_.push_back(known);
    return out_.births.size() - 1;
}

// A helper that leads session `sid` as a child of `parent` (a birth).
size_t Planner::session_helper(pid_t sid, size_t parent, pid_t first_sid)
{
    if (auto it = helper_of_session_.find(sid); it != helper_of_session_.end()) {
        if (out_.births[it->second].cloner != parent)
            refused(cat("tasks of session ", sid, ", whose leader is gone, have different parents"),
                    "this is not supported yet");
        return it->second;
    }
    Birth helper;
    helper.role = Birth::Role::SessionHelper;
    helper.pid = sid;
    helper.task = out_.births[parent].task;
    helper.cloner = parent;
    helper.leads_session = true;
    size_t index = add(std::move(helper), {first_sid, sid});
    out_.births[parent].after_setsid.push_back(index);
    return helper_of_session_[sid] = index;
}

void Planner::bear(size_t task)
{
    const TaskImage &image = images_.tasks[task];
    pid_t sid = static_cast<pid_t>(image.tree.sid());
    Birth birth;
    birth.role = image.zombie() ? Birth::Role::Zombie : Birth::Role::Task;
    birth.pid = image.pid();
    birth.task = task;
    birth.leads_session = sid == image.pid();
    if (image.leader().tc().has_cr_exit_signal())
        birth.exit_signal = static_cast<int>(image.leader().tc().cr_exit_signal());
    auto parent_task = images_.parent_of(task);
    if (!parent_task) {
        birth_of_task_[task] = add(std::move(birth), {sid, sid});
        return;
    }
    size_t parent = birth_of_task_.at(*parent_task);
    Known parent_known = known_[parent];
    birth.cloner = parent;
    pid_t inherited = parent_known.sid;
    bool before = false;
    if (!birth.leads_session && sid != parent_known.sid) {
        auto leader = images_.by_pid.find(sid);
        if (out_.births[parent].leads_session && sid == parent_known.first_sid) {
            before = true;
        } else if (leader != images_.by_pid.end()) {
            auto leader_birth = birth_of_task_.find(leader->second);
            if (leader_birth == birth_of_task_.end() || out_.births[leader_birth->second].cloner != parent)
                refused(
                    cat("pid ", image.pid(), " is in session ", sid, ", which is led by no sibling of it"),
                    "this is not supported yet");
            birth.cloner = leader_birth->second;
            birth.sibling = true;
        } else {
            birth.cloner = session_helper(sid, parent, parent_known.sid);
            birth.sibling = true;
        }
        inherited = sid;
    }
    size_t cloner = birth.cloner;
    size_t index = add(std::move(birth), {inherited, sid});
    birth_of_task_[task] = index;
    auto &list = before ? out_.births[cloner].before_setsid : out_.births[cloner].after_setsid;
    list.push_back(index);
}

// Groups: leaders first, then who inherits its group and who has to join, and helpers for leaders that are
// gone.
void Planner::plan_groups()
{
    pid_t outer_group = static_cast<pid_t>(images_.tasks[0].tree.pgid());
    bool outer = !images_.by_pid.count(outer_group) && !helper_of_session_.count(outer_group);
    auto group_of = [&](size_t i) {
        const Birth &birth = out_.births[i];
        if (birth.role == Birth::Role::SessionHelper || birth.role == Birth::Role::GroupHelper)
            return birth.pid;
        return static_cast<pid_t>(images_.tasks[birth.task].tree.pgid());
    };
    std::map<pid_t, size_t> leaders;
    for (size_t i = 0; i < out_.births.size(); i++)
        leaders.emplace(out_.births[i].pid, i);
    std::vector<bool> settled(out_.births.size()); // in its group before it clones
    for (size_t i = 0; i < out_.births.size(); i++) {
        pid_t group = group_of(i);
        Birth &birth = out_.births[i];
        size_t cloner = birth.cloner;
        bool cloned_early = false;
        for (size_t child : out_.births[cloner].before_setsid)
            cloned_early |= child == i;
        if (birth.leads_session || group == birth.pid) {
            birth.leads_group = !birth.leads_session;
            settled[i] = true;
        } else if (i == 0 ? outer : settled[cloner] && group_of(cloner) == group && !cloned_early) {
            settled[i] = true; // inherited
        } else if (outer && group == outer_group && (i == 0 || cloned_early)) {
            settled[i] = true;
        } else {
            birth.join_group = group;
        }
    }
    size_t count = out_.births.size();
    for (size_t i = 0; i < count; i++) {
        pid_t group = out_.births[i].join_group;
        if (!group)
            continue;
        auto leader = leaders.find(group);
        if (leader == leaders.end()) {
            Birth helper;
            helper.role = Birth::Role::GroupHelper;
            helper.pid = group;
            helper.task = out_.births[i].task;
            helper.cloner = i;
            helper.leads_group = true;
            if (out_.births[i].role != Birth::Role::Task)
                refused(cat("the dead pid ", out_.births[i].pid, " is in process group ", group,
                            ", whose leader is gone"),
                        "this is not supported yet");
            size_t index = add(std::move(helper), known_[i]);
            out_.births[i].after_setsid.push_back(index);
            leader = leaders.emplace(group, index).first;
        }
        out_.births[leader->second].announce_group = true;
        out_.births[leader->second].members_to_wait++;
    }
}

BirthPlan Planner::plan()
{
    // Parents come first in the image; a sibling that leads a session must come before those that it clones.
    for (size_t task = 0; task < images_.tasks.size(); task++) {
        const img::pstree_entry &tree = images_.tasks[task].tree;
        auto leader = images_.by_pid.find(static_cast<pid_t>(tree.sid()));
        if (task && leader != images_.by_pid.end() && !birth_of_task_.count(leader->second) &&
            leader->second > task)
            refused(
                cat("pid ", tree.pid(), " is in session ", tree.sid(), ", which is led by a younger task"),
                "this is not supported yet");
        bear(task);
    }
    plan_groups();
    return std::move(out_);
}

} // namespace

BirthPlan plan_births(const ImageSet &images) { return Planner(images).plan(); }

} // namespace cr::restore
