// Who is born of whom: a pure plan of how processes come into being so that each has its pid, parent, session
// and process group. What the kernel gives: a child inherits session and group of whoever clones it;
// setsid(2) makes the caller leader of a new session and group; setpgid(2) joins a group of the same session
// that has a living or unreaped leader; CLONE_PARENT makes a sibling.
//
// - A child whose session is the one its parent had before becoming a leader is cloned before the parent's
// setsid.
// - A child whose session leader is a sibling is cloned by that sibling with CLONE_PARENT.
// - A session or group whose leader is gone gets a helper: a process of that pid that leads it until the
// members are
//   in, and ends.
#pragma once

#include "libcr/restore/images.h"

#include <vector>

namespace cr::restore
{

struct Birth {
    enum class Role { Task, Zombie, SessionHelper, GroupHelper };
    Role role = Role::Task;
    pid_t pid = 0;
    size_t task = 0;   // index into ImageSet::tasks; for a helper: of the process it works for (its parent)
    size_t cloner = 0; // index of the birth that clones it; itself for the first
    bool sibling = false;       // cloned with CLONE_PARENT
    int exit_signal = 17;       // SIGCHLD; a sibling gets that of its cloner
    bool leads_session = false; // calls setsid
    bool leads_group = false;   // calls setpgid(0, 0)
    pid_t join_group = 0;       // calls setpgid(0, this) once the leader is there; 0: group is inherited
    uint32_t members_to_wait =
        0; // helpers and zombies: how many join its group by themselves before it may end
    bool announce_group = false;                     // somebody waits for its group to exist
    std::vector<size_t> before_setsid, after_setsid; // births it clones, in order
};

struct BirthPlan {
    std::vector<Birth> births; // [0] is the root; a cloner comes before those it clones
};

// A session and group of the root that are not in the tree (--shell-job) are those that it inherits from us.
// Throws Refused when a session cannot be made.
BirthPlan plan_births(const ImageSet &images);

} // namespace cr::restore
