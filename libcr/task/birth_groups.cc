// The process groups of a plan of births: who inherits its group, who has to join it, who leads it, and
// helpers for leaders that are gone. A leader may have left its own group for another one, with members
// staying behind: then it leads that one first, and goes on when somebody else is in it.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/births.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace cr::task
{

namespace
{

using Role = Birth::Role;

class Groups
{
  public:
    Groups(const std::vector<Kin> &tasks, const std::vector<pid_t> &sessions, BirthPlan &plan)
        : tasks_(tasks), sessions_(sessions), plan_(plan), settled_(plan.births.size())
    {
    }
    void plan();

  private:
    pid_t group_of(size_t birth) const;
    bool cloned_early(size_t birth) const;
    void enter(size_t birth);
    void join(size_t birth);
    void check_leavers() const;

    const std::vector<Kin> &tasks_;
    const std::vector<pid_t> &sessions_; // of births, in the end
    BirthPlan &plan_;
    std::vector<bool> settled_; // in its group before it clones
    std::map<pid_t, size_t> leaders_;
    std::set<pid_t> groups_; // that have members
    pid_t outer_ = 0;        // the root's group, when that is led from outside of the tree
};

// 0: it has none to keep.
pid_t Groups::group_of(size_t birth) const
{
    const Birth &b = plan_.births[birth];
    if (b.role == Role::Intermediate)
        return 0;
    if (b.role == Role::SessionHelper || b.role == Role::GroupHelper)
        return b.pid;
    return tasks_[b.task].pgid;
}

bool Groups::cloned_early(size_t birth) const
{
    const std::vector<size_t> &early = plan_.births[plan_.births[birth].cloner].before_setsid;
    return std::find(early.begin(), early.end(), birth) != early.end();
}

void Groups::enter(size_t i)
{
    Birth &birth = plan_.births[i];
    pid_t group = group_of(i);
    if (!group)
        return;
    if (birth.leads_session || group == birth.pid) {
        birth.leads_group = !birth.leads_session;
        settled_[i] = true;
        return;
    }
    birth.leaves_group = groups_.count(birth.pid) != 0;
    bool inherits = i == 0            ? group == outer_
                    : cloned_early(i) ? group == outer_ && birth.cloner == 0
                                      : settled_[birth.cloner] && group_of(birth.cloner) == group;
    if (inherits && !birth.leaves_group)
        settled_[i] = true;
    else
        birth.join_group = group;
}

void Groups::join(size_t i)
{
    pid_t group = plan_.births[i].join_group;
    if (!group || group == outer_)
        return;
    auto leader = leaders_.find(group);
    if (leader == leaders_.end()) {
        Birth helper;
        helper.role = Role::GroupHelper;
        helper.pid = group;
        helper.task = plan_.births[i].task;
        helper.cloner = helper.parent = i;
        helper.leads_group = true;
        plan_.births[i].after_setsid.push_back(plan_.births.size());
        leader = leaders_.emplace(group, plan_.births.size()).first;
        plan_.births.push_back(std::move(helper));
    } else if (leader->second < sessions_.size() && sessions_[leader->second] != sessions_[i]) {
        refused(cat("pid ", plan_.births[i].pid, " is in process group ", group,
                    ", which is in another session"));
    }
    plan_.births[leader->second].joiners++;
}

// A leader leaves its group when one is in it that stays: not only such as wait for others themselves.
void Groups::check_leavers() const
{
    std::map<pid_t, bool> stays; // groups that somebody joins for sure
    for (bool more = true; more;) {
        more = false;
        for (const Birth &birth : plan_.births) {
            bool sure = birth.join_group && (!birth.leaves_group || stays[birth.pid]);
            more |= sure && !std::exchange(stays[birth.join_group], true);
        }
    }
    for (const Birth &birth : plan_.births)
        if (birth.leaves_group && !stays[birth.pid])
            refused(cat("the leaders of process groups, pid ", birth.pid,
                        " among them, are in each other's groups in a circle"));
}

void Groups::plan()
{
    size_t count = plan_.births.size();
    for (size_t i = 0; i < count; i++) {
        if (plan_.births[i].pid)
            leaders_.emplace(plan_.births[i].pid, i);
        groups_.insert(group_of(i));
    }
    if (!leaders_.count(tasks_[0].pgid))
        outer_ = tasks_[0].pgid;
    for (size_t i = 0; i < count; i++)
        enter(i);
    for (size_t i = 0; i < count; i++)
        join(i);
    check_leavers();
}

} // namespace

void plan_groups(const std::vector<Kin> &tasks, const std::vector<pid_t> &sessions, BirthPlan &plan)
{
    Groups(tasks, sessions, plan).plan();
}

} // namespace cr::task
