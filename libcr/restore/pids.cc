#include "libcr/restore/pids.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/process.h"

#include <optional>
#include <unistd.h>

namespace cr::restore
{

namespace
{

struct Taker {
    std::string name;
    bool dead; // a zombie, or a group whose members may be such: it goes away by itself
};

std::optional<Taker> taker_of(pid_t id)
{
    if (sys::call(SYS_kill, id, 0) != -ESRCH) { // a thread's id, too
        try {
            proc::Stat stat = proc::parse_stat(proc::PidDir(id).read("stat"));
            bool dead = stat.state == 'Z' || stat.state == 'X';
            std::string state =
                dead ? cat(", dead, for its parent ", stat.ppid, " to take note of") : std::string();
            return Taker{cat("pid ", id, " (", printable(stat.comm), state, ")"), dead};
        } catch (const Error &) {
            return Taker{cat("pid ", id), true}; // gone as we looked
        }
    }
    if (sys::call(SYS_kill, -id, 0) != -ESRCH)
        return Taker{cat("process group ", id, " whose leader is gone"), true};
    if (sys::call(SYS_getsid, id) >= 0)
        return Taker{cat("session ", id, " whose leader is gone"), true};
    return std::nullopt;
}

// What is in the way now; `dead` is false when some of it will not go away by itself.
std::string takers(const std::set<pid_t> &wanted, bool &dead)
{
    constexpr int kNamed = 5;
    std::string out;
    int count = 0;
    dead = true;
    for (pid_t id : wanted) {
        auto taker = taker_of(id);
        if (!taker)
            continue;
        dead &= taker->dead;
        if (++count <= kNamed)
            out += (out.empty() ? "" : ", ") + taker->name;
    }
    if (count > kNamed)
        out += cat(" and ", count - kNamed, " more");
    return out;
}

} // namespace

std::set<pid_t> wanted_ids(const ImageSet &images, const task::BirthPlan &births)
{
    std::set<pid_t> out;
    for (const TaskImage &task : images.tasks)
        for (uint32_t tid : task.tree.threads())
            out.insert(static_cast<pid_t>(tid));
    for (const task::Birth &birth : births.births)
        if (birth.pid)
            out.insert(birth.pid);
    return out;
}

// A tree that a dump has just killed may not have been waited for yet by whoever has to: that is given a
// moment.
void check_pids_free(const ImageSet &images, const task::BirthPlan &births)
{
    std::set<pid_t> wanted = wanted_ids(images, births);
    if (wanted.count(::getpid()))
        refused(cat("our own process has id ", ::getpid(), ", which the tree needs"),
                "run the command again");
    constexpr int kTries = 1000;
    for (int i = 0;; i++) {
        bool dead;
        std::string taken = takers(wanted, dead);
        if (taken.empty())
            return;
        if (!dead || i == kTries)
            refused(cat("ids that the tree needs are taken: ", taken),
                    "end those processes, or restore in a new pid namespace");
        ::usleep(10000);
    }
}

// Downwards from our own: the kernel gives new ones upwards.
void choose_ids(const ImageSet &images, task::BirthPlan &births)
{
    std::set<pid_t> wanted = wanted_ids(images, births);
    pid_t next = ::getpid();
    constexpr pid_t kLowest = 301, kHighest = 32000;
    int tries = 0;
    for (task::Birth &birth : births.births) {
        if (birth.role != task::Birth::Role::Intermediate)
            continue;
        do {
            next = next > kLowest ? next - 1 : kHighest;
            if (++tries > kHighest)
                refused("no process id is free");
        } while (wanted.count(next) || taker_of(next));
        birth.pid = next;
    }
}

} // namespace cr::restore
