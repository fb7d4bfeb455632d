// Who is born of whom: a pure plan of how processes come into being so that each has its pid, parent, session
// and process group, and shares with others what it shared. What the kernel gives:
//   - a child inherits session and group of whoever clones it; setsid(2) makes the caller leader of new ones;
//   - setpgid(2) joins a group of the same session that has members;
//   - CLONE_PARENT makes a sibling, which tells its end by the same signal as the one that clones it;
//   - the children of one that ends go to the nearest subreaper above it;
//   - memory, descriptor table, directories and signal actions are shared only from birth on.
//
// So a process whose parent cannot have cloned it is cloned by another one that is in the right session and
// has what it shares:
//   - the parent before its own setsid, when it was born in that session;
//   - a sibling, with CLONE_PARENT;
//   - a descendant of its parent: through an Intermediate that clones it and ends, while the parent is a
//     subreaper for a moment (an Adoption; they take place one after the other, in one order for all);
//   - a helper that leads the session in place of a leader that is gone.
// A group whose leader is gone gets such a helper, too.
//
// A dump makes this plan as well, and refuses what no restore could make.
#pragma once

#include "libcr/task/sharing.h"

#include <cstddef>
#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace cr::task
{

// A process as far as its birth goes.
struct Kin {
    pid_t pid = 0, ppid = 0, pgid = 0, sid = 0; // ppid 0: the root
    bool dead = false;
    int exit_signal = 17; // SIGCHLD
    ObjectIds ids;        // zeros of the dead
};

struct Birth {
    enum class Role { Task, Zombie, SessionHelper, GroupHelper, Intermediate };
    Role role = Role::Task;
    pid_t pid = 0;              // 0 of an Intermediate: any that is free
    size_t task = 0;            // index of the process; for a helper: of the one that it works for
    size_t cloner = 0;          // index of the birth that clones it; itself for the first
    size_t parent = 0;          // index of the birth that is its parent in the end, when helpers have ended
    bool sibling = false;       // cloned with CLONE_PARENT
    int exit_signal = 17;       // a sibling gets that of its cloner
    ObjectIds shares;           // what it has in common with its cloner; 0: a copy
    bool leads_session = false; // calls setsid
    bool leads_group = false;   // calls setpgid(0, 0)
    bool leaves_group = false;  // which it leaves again when somebody else is in it
    pid_t join_group = 0;       // calls setpgid(0, this) once the leader is there; 0: group is inherited
    uint32_t joiners = 0;       // how many join its group by themselves
    std::vector<size_t> before_setsid, after_setsid; // births it clones, in order
};

// An Intermediate ends, and what it has cloned becomes the child of another.
struct Adoption {
    size_t parent = 0, intermediate = 0, child = 0; // births
};

struct BirthPlan {
    std::vector<Birth> births; // [0] is the root; a cloner comes before those it clones
    std::vector<Adoption> adoptions;
};

// Parents come before their children in `tasks`. The group of the root is inherited when its leader is not in
// the tree. Throws Refused when there is no way.
BirthPlan plan_births(const std::vector<Kin> &tasks);

// Of plan_births: the groups of births that have their cloners.
void plan_groups(const std::vector<Kin> &tasks, const std::vector<pid_t> &sessions, BirthPlan &plan);

} // namespace cr::task
