// Trees of processes, planned and then played by the kernel's rules: every one must come out as it was.
#include "libcr/base/error.h"
#include "libcr/task/births.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <map>
#include <set>

using namespace cr;
using task::Birth;
using task::BirthPlan;
using task::Kin;

namespace
{

// Plays the births in order and says what is wrong; "" when all is as wanted.
std::string played(const std::vector<Kin> &tasks, const BirthPlan &plan)
{
    struct State {
        size_t parent;
        pid_t sid, pgid;
        int exit_signal;
        task::ObjectIds ids;
    };
    std::vector<State> state(plan.births.size());
    std::map<pid_t, pid_t> session_of_group;
    std::string wrong;
    auto fail = [&](const Birth &b, const char *what) {
        wrong += std::to_string(b.pid) + ": " + what + "\n";
    };
    std::set<std::pair<size_t, uint32_t>> made;
    for (size_t k = 0; k < 4; k++)
        made.insert({k, tasks[0].ids.*task::kSharedIds[k]});
    state[0] = {0, tasks[0].sid, tasks[0].pgid, SIGCHLD, tasks[0].ids};
    std::function<void(size_t)> bear = [&](size_t i) {
        const Birth &b = plan.births[i];
        auto clone = [&](const std::vector<size_t> &list) {
            for (size_t child : list) {
                const Birth &c = plan.births[child];
                if (c.cloner != i || child <= i)
                    fail(c, "cloned by another");
                State &s = state[child] = state[i];
                s.parent = c.sibling ? state[i].parent : i;
                s.exit_signal = c.sibling ? state[i].exit_signal : c.exit_signal;
                bool helper = c.role != Birth::Role::Task && c.role != Birth::Role::Zombie;
                for (size_t k = 0; k < 4; k++) {
                    auto kind = task::kSharedIds[k];
                    uint32_t id = helper ? 0 : tasks[c.task].ids.*kind;
                    if (c.shares.*kind ? c.shares.*kind != state[i].ids.*kind
                                       : id && !made.insert({k, id}).second)
                        fail(c, c.shares.*kind ? "shares what its cloner has not" : "makes it once more");
                    s.ids.*kind = c.shares.*kind ? c.shares.*kind : id;
                }
                if (c.shares.sighand && !c.shares.vm)
                    fail(c, "signal actions without memory");
                bear(child);
            }
        };
        clone(b.before_setsid);
        if (b.leads_session)
            state[i].sid = state[i].pgid = b.pid;
        auto enter = [&] {
            if (b.leads_group || b.leaves_group)
                state[i].pgid = b.pid;
            if (b.join_group)
                state[i].pgid = b.join_group;
            session_of_group[b.leads_group || b.leads_session || b.leaves_group ? b.pid : state[i].pgid] =
                state[i].sid;
        };
        if (!b.join_group)
            enter();
        clone(b.after_setsid);
        if (b.join_group)
            enter();
    };
    bear(0);
    for (const task::Adoption &adoption : plan.adoptions) {
        bool above = false;
        for (size_t at = adoption.intermediate; at; at = state[at].parent)
            above |= state[at].parent == adoption.parent;
        if (!above)
            fail(plan.births[adoption.child], "its parent is not above it");
        state[adoption.child].parent = adoption.parent;
        state[adoption.child].exit_signal = SIGCHLD;
    }
    size_t seen = 0;
    for (size_t i = 0; i < plan.births.size(); i++) {
        const Birth &b = plan.births[i];
        if (b.role != Birth::Role::Task && b.role != Birth::Role::Zombie)
            continue;
        seen++;
        const Kin &kin = tasks[b.task];
        if (i && plan.births[state[i].parent].pid != kin.ppid)
            fail(b, "parent");
        if (b.parent != state[i].parent)
            fail(b, "noted parent");
        if (state[i].sid != kin.sid)
            fail(b, "session");
        if (state[i].pgid != kin.pgid)
            fail(b, "group");
        if (i && state[i].exit_signal != kin.exit_signal)
            fail(b, "exit signal");
        for (auto kind : task::kSharedIds)
            if (state[i].ids.*kind != kin.ids.*kind)
                fail(b, "object");
    }
    if (seen != tasks.size())
        wrong += "some are missing\n";
    return wrong;
}

// {pid, ppid, pgid, sid}, each with objects of its own.
std::vector<Kin> tree(std::initializer_list<std::array<pid_t, 4>> rows)
{
    std::vector<Kin> out;
    for (const auto &row : rows) {
        Kin kin;
        kin.pid = row[0], kin.ppid = row[1], kin.pgid = row[2], kin.sid = row[3];
        auto id = static_cast<uint32_t>(kin.pid);
        kin.ids = {id, id, id, id};
        out.push_back(kin);
    }
    return out;
}

void check(const std::vector<Kin> &tasks)
{
    BirthPlan plan = task::plan_births(tasks);
    CHECK(played(tasks, plan) == "");
}

} // namespace

TEST_CASE("Births: simple trees", "[births]")
{
    check(tree({{10, 0, 10, 10}}));
    check(tree({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 11, 12, 10}, {13, 12, 12, 10}, {14, 10, 12, 10}}));
    check(tree({{10, 0, 9, 9}, {11, 10, 9, 9}})); // the job of a shell
    check(tree({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 11, 10, 10}}));
}

TEST_CASE("Births: sessions that come from elsewhere", "[births]")
{
    check(tree({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 10, 11, 11}})); // a sibling leads it
    check(tree({{10, 0, 10, 10}, {12, 10, 11, 11}, {11, 10, 11, 11}})); // a younger one
    check(tree({{10, 0, 10, 10}, {12, 10, 11, 11}, {13, 10, 13, 11}, {14, 12, 14, 14}})); // a dead one
    check(tree({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 11, 12, 12}, {13, 10, 12, 12}})); // a nephew
    // A leader that was born in a dead session, with a child from then.
    check(tree({{10, 0, 10, 10}, {12, 10, 12, 12}, {13, 12, 11, 11}}));
    // Two of those, whose common parent was born there, too.
    check(tree({{10, 0, 10, 10},
                {12, 10, 12, 12},
                {13, 12, 13, 13},
                {14, 12, 14, 14},
                {15, 13, 11, 11},
                {16, 14, 11, 11}}));
    // Members of a dead session at three places of one line.
    check(tree({{10, 0, 10, 10},
                {20, 10, 10, 10},
                {30, 20, 10, 10},
                {31, 10, 5, 5},
                {32, 20, 5, 5},
                {33, 30, 5, 5}}));
}

TEST_CASE("Births: groups", "[births]")
{
    check(tree({{10, 0, 10, 10}, {11, 10, 9, 10}, {12, 11, 9, 10}, {13, 10, 9, 10}})); // led by a dead one
    check(tree({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 11, 11, 10}})); // its leader has left it
    check(tree({{10, 0, 10, 10}, {11, 10, 12, 10}, {12, 10, 11, 10}, {13, 10, 11, 10}})); // swapped
    CHECK_THROWS_AS(task::plan_births(tree({{10, 0, 10, 10}, {11, 10, 12, 10}, {12, 10, 11, 10}})), Error);
    CHECK_THROWS_AS(task::plan_births(tree({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 10, 11, 10}})), Error);
    auto dead = tree({{10, 0, 10, 10}, {11, 10, 9, 10}});
    dead[1].dead = true;
    dead[1].ids = {};
    check(dead);
}

TEST_CASE("Births: exit signals", "[births]")
{
    auto tasks = tree({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 10, 11, 11}});
    tasks[1].exit_signal = 0;
    check(tasks); // not a sibling's then: adopted
    tasks[2].exit_signal = 0;
    check(tasks);
    tasks[2].exit_signal = SIGUSR1;
    CHECK_THROWS_AS(task::plan_births(tasks), Error);
}

TEST_CASE("Births: what is shared", "[births]")
{
    auto tasks = tree({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 10, 10, 10}, {13, 11, 10, 10}});
    tasks[1].ids = tasks[0].ids;
    check(tasks);
    tasks[2].ids.files = tasks[3].ids.files = 77; // an uncle and his nephew
    check(tasks);
    auto brothers = tree({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 10, 10, 10}, {13, 10, 13, 13}});
    brothers[1].ids = brothers[2].ids = brothers[3].ids = {50, 51, 52, 53};
    check(brothers);
    brothers[2].exit_signal = SIGUSR1;
    CHECK_THROWS_AS(task::plan_births(brothers), Error);
}

// What the kernel lets happen, at random: what comes out must be plannable, however odd.
TEST_CASE("Births: random histories", "[births]")
{
    uint32_t seed = 12345;
    auto random = [&](size_t below) {
        seed = seed * 1664525 + 1013904223;
        return static_cast<size_t>((seed >> 8) % below);
    };
    for (int round = 0; round < 3000; round++) {
        struct Process {
            Kin kin;
            bool gone = false, subreaper = false;
            size_t parent = 0;
        };
        std::vector<Process> all(1);
        all[0].kin = tree({{1000, 0, 1000, 1000}})[0];
        all[0].subreaper = true;
        pid_t next = 1001;
        auto group_there = [&](pid_t group, pid_t sid) {
            for (auto &p : all)
                if (!p.gone && p.kin.pgid == group)
                    return p.kin.sid == sid;
            return false;
        };
        size_t steps = 5 + random(60);
        for (size_t step = 0; step < steps; step++) {
            size_t i = random(all.size());
            Process &p = all[i];
            if (p.gone || p.kin.dead)
                continue;
            switch (random(8)) {
            case 0:
            case 1:
            case 2: {
                Process child = p;
                child.subreaper = false;
                child.parent = i;
                child.kin.pid = next++;
                child.kin.exit_signal = SIGCHLD;
                all.push_back(child);
                break;
            }
            case 3: { // setsid
                bool leads = false;
                for (auto &other : all)
                    leads |= !other.gone && other.kin.pgid == p.kin.pid;
                if (!leads)
                    p.kin.sid = p.kin.pgid = p.kin.pid;
                break;
            }
            case 4: { // setpgid
                pid_t group = random(2) ? p.kin.pid : all[random(all.size())].kin.pgid;
                if (p.kin.sid != p.kin.pid && (group == p.kin.pid || group_there(group, p.kin.sid)))
                    p.kin.pgid = group;
                break;
            }
            case 5:
                p.subreaper = !p.subreaper || i == 0;
                break;
            default: { // ends, and is waited for or not
                if (i == 0)
                    break;
                p.kin.dead = true;
                p.gone = random(4) != 0;
                size_t reaper = p.parent;
                while (!all[reaper].subreaper || all[reaper].kin.dead)
                    reaper = all[reaper].parent;
                for (auto &other : all)
                    if (other.parent == i && &other != &all[0]) {
                        other.parent = reaper;
                        if (other.kin.dead)
                            other.gone = true;
                    }
            }
            }
        }
        std::vector<Kin> tasks;
        std::function<void(size_t)> put = [&](size_t i) {
            Kin kin = all[i].kin;
            kin.ppid = i ? all[all[i].parent].kin.pid : 0;
            auto id = static_cast<uint32_t>(kin.pid);
            kin.ids = kin.dead ? task::ObjectIds{} : task::ObjectIds{id, id, id, id};
            tasks.push_back(kin);
            for (size_t c = 1; c < all.size(); c++)
                if (all[c].parent == i && !all[c].gone)
                    put(c);
        };
        put(0);
        std::string wrong;
        try {
            wrong = played(tasks, task::plan_births(tasks));
        } catch (const Error &error) {
            wrong = error.what();
        }
        if (!wrong.empty())
            for (const Kin &kin : tasks)
                wrong += "\n{" + std::to_string(kin.pid) + ", " + std::to_string(kin.ppid) + ", " +
                         std::to_string(kin.pgid) + ", " + std::to_string(kin.sid) + "}" +
                         (kin.dead ? " dead" : "");
        REQUIRE(wrong == "");
    }
}
