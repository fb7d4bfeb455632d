#include "libcr/task/births.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <csignal>
#include <map>
#include <optional>
#include <set>

namespace cr::task
{

namespace
{

using Role = Birth::Role;

class Planner
{
  public:
    explicit Planner(const std::vector<Kin> &tasks) : tasks_(tasks) {}
    BirthPlan plan();

  private:
    struct Origin {
        size_t cloner = 0;
        bool before = false, sibling = false, adopted = false;
    };
    void read_tree();
    void find_first_sessions();
    bool inside(size_t task, size_t of) const
    {
        return first_[of] <= first_[task] && first_[task] < end_[of];
    }
    bool from_below(size_t parent, pid_t sid) const;
    pid_t need(size_t task) const;
    bool waits_for_sharer(size_t task) const;
    ObjectIds shared_by(size_t cloner, size_t task) const;
    bool has_all_shared(size_t cloner, size_t task) const;
    std::optional<bool> fits(size_t cloner, size_t task) const;
    std::optional<Origin> origin(size_t task, bool strict);
    std::optional<Origin> helper_for(size_t task, bool strict);
    bool place(size_t task, bool strict);
    size_t add(Birth birth, pid_t first_sid, pid_t sid, const ObjectIds &ids);

    const std::vector<Kin> &tasks_;
    BirthPlan out_;
    std::map<pid_t, size_t> by_pid_;
    std::vector<size_t> parent_;       // of tasks
    std::vector<size_t> first_, end_;  // of the subtree of a task, in one numbering
    std::vector<pid_t> first_session_; // of tasks that lead one: where they must be born; 0: anywhere
    std::map<pid_t, std::vector<size_t>> members_; // tasks of a session
    // What the births have: session at birth and in the end, objects.
    std::vector<pid_t> born_in_, sid_;
    std::vector<ObjectIds> ids_;
    std::vector<std::optional<size_t>> birth_of_;                        // of tasks
    std::map<pid_t, size_t> helper_of_;                                  // of sessions
    std::map<uint32_t, size_t> holders_[std::size(kSharedIds)];          // first birth that has an object
    std::map<std::pair<size_t, uint32_t>, std::vector<size_t>> sharers_; // {kind, id}: tasks
    std::map<size_t, std::vector<size_t>> by_parent_;                    // births by birth
    std::map<pid_t, std::vector<size_t>> by_session_;
};

std::string named(const Kin &kin) { return cat("pid ", kin.pid); }

void Planner::read_tree()
{
    size_t n = tasks_.size();
    parent_.resize(n), first_.resize(n), end_.resize(n), birth_of_.resize(n);
    std::vector<std::vector<size_t>> children(n);
    for (size_t i = 0; i < n; i++) {
        by_pid_[tasks_[i].pid] = i;
        members_[tasks_[i].sid].push_back(i);
        for (size_t kind = 0; kind < std::size(kSharedIds); kind++)
            if (uint32_t id = tasks_[i].ids.*kSharedIds[kind])
                sharers_[{kind, id}].push_back(i);
        if (!i)
            continue;
        auto parent = by_pid_.find(tasks_[i].ppid);
        if (parent == by_pid_.end() || parent->second == i)
            refused(cat(named(tasks_[i]), " has become the child of ", tasks_[i].ppid,
                        ", which is not in the tree"),
                    "try again");
        parent_[i] = parent->second;
        children[parent_[i]].push_back(i);
    }
    size_t next = 0;
    std::vector<std::pair<size_t, size_t>> way{{0, 0}}; // task, children seen
    first_[0] = next++;
    while (!way.empty()) {
        auto &[task, seen] = way.back();
        if (seen == children[task].size()) {
            end_[task] = next;
            way.pop_back();
        } else {
            size_t child = children[task][seen++];
            first_[child] = next++;
            way.push_back({child, 0});
        }
    }
}

// Whether children of `parent` that are in session `sid`, not its own, come from its descendants: the session
// began among them. Else the parent was in it before it led one.
bool Planner::from_below(size_t parent, pid_t sid) const
{
    auto leader = by_pid_.find(sid);
    if (leader != by_pid_.end() && tasks_[leader->second].sid == sid)
        return leader->second != parent && inside(leader->second, parent);
    if (tasks_[parent].sid != tasks_[parent].pid)
        return true; // it was never in another one
    for (size_t member : members_.at(sid))
        if (member == parent || !inside(member, parent))
            return false;
    return true;
}

// The session that a task must be born in; 0: any.
pid_t Planner::need(size_t task) const
{
    return tasks_[task].sid == tasks_[task].pid ? first_session_[task] : tasks_[task].sid;
}

// Children show in which session their parent was before it led one of its own.
void Planner::find_first_sessions()
{
    first_session_.assign(tasks_.size(), 0);
    std::vector<std::set<pid_t>> from_above(tasks_.size());
    for (size_t i = tasks_.size(); i-- > 0;) {
        const Kin &kin = tasks_[i];
        std::set<pid_t> &demands = from_above[i];
        if (demands.size() > 1 || (!demands.empty() && (i == 0 || kin.sid != kin.pid)))
            refused(cat(named(kin), " has a child in session ", *demands.rbegin(),
                        ", in which it never was itself: it cannot be made again like that"),
                    "end that child before the dump");
        if (!demands.empty())
            first_session_[i] = *demands.begin();
        pid_t wanted = need(i);
        if (i && wanted && wanted != tasks_[parent_[i]].sid && !from_below(parent_[i], wanted))
            from_above[parent_[i]].insert(wanted);
    }
}

size_t Planner::add(Birth birth, pid_t first_sid, pid_t sid, const ObjectIds &ids)
{
    size_t index = out_.births.size();
    for (size_t kind = 0; kind < std::size(kSharedIds); kind++)
        if (uint32_t id = ids.*kSharedIds[kind])
            holders_[kind].emplace(id, index);
    by_parent_[birth.parent].push_back(index);
    for (pid_t session : std::set<pid_t>{first_sid, sid})
        by_session_[session].push_back(index);
    out_.births.push_back(std::move(birth));
    born_in_.push_back(first_sid);
    sid_.push_back(sid);
    ids_.push_back(ids);
    return index;
}

// What a task would have in common with its cloner.
ObjectIds Planner::shared_by(size_t cloner, size_t task) const
{
    ObjectIds out;
    for (auto kind : kSharedIds)
        if (tasks_[task].ids.*kind == ids_[cloner].*kind)
            out.*kind = tasks_[task].ids.*kind;
    return out;
}

// Whether all that the task shares with anybody who is there is the cloner's.
bool Planner::has_all_shared(size_t cloner, size_t task) const
{
    for (size_t kind = 0; kind < std::size(kSharedIds); kind++) {
        uint32_t id = tasks_[task].ids.*kSharedIds[kind];
        if (id && holders_[kind].count(id) && ids_[cloner].*kSharedIds[kind] != id)
            return false;
    }
    return true;
}

// One that is above in the tree would take part in what is shared too early: what somebody further below
// shares with the task comes first, so that it can be handed up.
bool Planner::waits_for_sharer(size_t task) const
{
    size_t parent = parent_[task];
    for (size_t kind = 0; kind < std::size(kSharedIds); kind++) {
        auto sharers = sharers_.find({kind, tasks_[task].ids.*kSharedIds[kind]});
        if (sharers == sharers_.end())
            continue;
        for (size_t other : sharers->second)
            if (!birth_of_[other] && other != task && parent_[other] != parent && inside(other, parent) &&
                !inside(other, task))
                return true;
    }
    return false;
}

// Whether a birth can clone the task by its session and what it shares: before its setsid (true) or after.
std::optional<bool> Planner::fits(size_t cloner, size_t task) const
{
    if (!has_all_shared(cloner, task))
        return std::nullopt;
    pid_t wanted = need(task);
    if (!wanted || sid_[cloner] == wanted)
        return false;
    if (out_.births[cloner].leads_session && born_in_[cloner] == wanted)
        return true;
    return std::nullopt;
}

// A helper that leads the session of a task in place of one that is gone; the task becomes its sibling.
std::optional<Planner::Origin> Planner::helper_for(size_t task, bool strict)
{
    pid_t wanted = need(task);
    size_t parent = parent_[task], above = *birth_of_[parent];
    if (!wanted || helper_of_.count(wanted) || by_pid_.count(wanted) || !has_all_shared(above, task))
        return std::nullopt;
    // The one furthest down is served first: from there the others can be.
    for (size_t other = 0; strict && other < tasks_.size(); other++)
        if (other != task && other && !birth_of_[other] && need(other) == wanted &&
            parent_[other] != parent && inside(parent_[other], parent))
            return std::nullopt;
    Birth helper;
    helper.role = Role::SessionHelper;
    helper.pid = wanted;
    helper.task = parent;
    helper.cloner = helper.parent = above;
    helper.exit_signal = tasks_[task].exit_signal;
    helper.shares = shared_by(above, task);
    helper.leads_session = true;
    ObjectIds ids = helper.shares;
    size_t index = add(std::move(helper), sid_[above], wanted, ids);
    out_.births[above].after_setsid.push_back(index);
    helper_of_[wanted] = index;
    return Origin{index, false, true, false};
}

std::optional<Planner::Origin> Planner::origin(size_t task, bool strict)
{
    size_t above = *birth_of_[parent_[task]];
    if (auto before = fits(above, task))
        return Origin{above, *before, false, false};
    auto is_ready = [&](size_t birth) {
        return out_.births[birth].role != Role::GroupHelper && out_.births[birth].role != Role::Intermediate;
    };
    for (size_t sibling : by_parent_[above])
        if (sibling != above && sibling && is_ready(sibling) &&
            out_.births[out_.births[sibling].cloner].role != Role::Intermediate && // not a sibling yet
            out_.births[sibling].exit_signal == tasks_[task].exit_signal)
            if (auto before = fits(sibling, task))
                return Origin{sibling, *before, true, false};
    if (auto helper = helper_for(task, strict))
        return helper;
    if (tasks_[task].exit_signal != SIGCHLD)
        return std::nullopt; // what an adopted child has
    auto adopt_from = [&](const std::vector<size_t> &births) -> std::optional<Origin> {
        for (size_t birth : births)
            if (is_ready(birth) && birth != above && inside(out_.births[birth].task, parent_[task]))
                if (auto before = fits(birth, task))
                    return Origin{birth, *before, false, true};
        return std::nullopt;
    };
    if (pid_t wanted = need(task))
        return adopt_from(by_session_[wanted]);
    std::vector<size_t> all(out_.births.size());
    for (size_t i = 0; i < all.size(); i++)
        all[i] = i;
    return adopt_from(all);
}

bool Planner::place(size_t task, bool strict)
{
    if (strict && waits_for_sharer(task))
        return false;
    auto from = origin(task, strict);
    if (!from)
        return false;
    const Kin &kin = tasks_[task];
    size_t above = *birth_of_[parent_[task]];
    auto clone = [&](size_t cloner, Birth birth, bool before, bool lead) {
        birth.cloner = cloner;
        birth.shares = shared_by(cloner, task);
        pid_t born_in = before ? born_in_[cloner] : sid_[cloner];
        ObjectIds ids = birth.role == Role::Intermediate ? birth.shares : kin.ids;
        size_t index = add(std::move(birth), born_in, lead ? kin.sid : born_in, ids);
        Birth &by = out_.births[cloner];
        (before ? by.before_setsid : by.after_setsid).push_back(index);
        return index;
    };
    Birth birth;
    birth.role = kin.dead ? Role::Zombie : Role::Task;
    birth.pid = kin.pid;
    birth.task = task;
    birth.parent = above;
    birth.leads_session = kin.sid == kin.pid;
    birth.exit_signal = kin.exit_signal;
    birth.sibling = from->sibling;
    if (!from->adopted) {
        birth_of_[task] = clone(from->cloner, std::move(birth), from->before, birth.leads_session);
        return true;
    }
    Birth between;
    between.role = Role::Intermediate;
    between.task = out_.births[from->cloner].task;
    between.parent = from->cloner;
    size_t index = clone(from->cloner, std::move(between), from->before, false);
    birth_of_[task] = clone(index, std::move(birth), false, birth.leads_session);
    out_.adoptions.push_back({above, index, *birth_of_[task]});
    return true;
}

BirthPlan Planner::plan()
{
    read_tree();
    find_first_sessions();
    Birth root;
    root.pid = tasks_[0].pid;
    root.leads_session = tasks_[0].sid == tasks_[0].pid;
    root.exit_signal = tasks_[0].exit_signal;
    birth_of_[0] = add(std::move(root), tasks_[0].sid, tasks_[0].sid, tasks_[0].ids);
    std::vector<size_t> left;
    for (size_t i = 1; i < tasks_.size(); i++)
        left.push_back(i);
    // Over and over, since one may have to wait for another that can clone it; less choosy when stuck.
    for (bool strict = true; !left.empty();) {
        std::vector<size_t> later;
        for (size_t task : left) {
            bool placed = birth_of_[parent_[task]] && place(task, strict);
            strict |= placed;
            if (!placed)
                later.push_back(task);
        }
        if (later.size() == left.size()) {
            if (!strict) {
                size_t task = later.front();
                for (size_t other : later)
                    if (birth_of_[parent_[other]])
                        task = other;
                refused(cat(named(tasks_[task]), " is in session ", tasks_[task].sid,
                            " and shares with others what nobody can give it who could be made its parent"),
                        "end it, or the processes that it shares its memory, descriptor table, directories "
                        "or signal actions with");
            }
            strict = false;
        }
        left = std::move(later);
    }
    plan_groups(tasks_, sid_, out_);
    return std::move(out_);
}

} // namespace

BirthPlan plan_births(const std::vector<Kin> &tasks) { return Planner(tasks).plan(); }

} // namespace cr::task
