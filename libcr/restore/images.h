// Everything that an image directory says about tasks, read and checked as a whole before anything is made:
// numbers are in range, ids unique, every reference has its target.
#pragma once

#include "core.pb.h"
#include "inventory.pb.h"
#include "libcr/image/dir.h"
#include "libcr/task/births.h"
#include "libcr/task/registers.h"
#include "mm.pb.h"
#include "pstree.pb.h"
#include "seccomp.pb.h"

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace cr::restore
{

struct TaskImage {
    img::pstree_entry tree;
    std::vector<img::core_entry> threads; // in the order of tree.threads(), the leader first
    img::task_kobj_ids_entry ids;
    std::vector<task::ThreadTables> tables; // of its threads; none for a zombie
    std::vector<size_t> thread_cloners;     // which thread clones each
    std::optional<img::mm_entry> mm;        // none for a zombie, nor for one that has its memory from another

    pid_t pid() const { return static_cast<pid_t>(tree.pid()); }
    const img::core_entry &leader() const { return threads.front(); }
    bool zombie() const;
    bool runs_32_bit() const { return task::runs_32_bit(threads.back()); } // a leader may have ended
    // It lives, but its main thread has ended.
    bool leader_dead() const { return !zombie() && leader().tc().has_cr_leader_exit_code(); }
};

struct ImageSet {
    image::Dir dir;
    img::inventory_entry inventory;
    std::vector<TaskImage> tasks; // parents first; [0] is the root
    std::map<pid_t, size_t> by_pid;
    img::seccomp_entry filters; // empty where there are none

    // The index of the task's parent; the root has none.
    std::optional<size_t> parent_of(size_t task) const;
    // Of tasks that share a thing, the first: it makes the thing, and the others have it from birth on.
    // The task itself where it shares it with nobody.
    size_t owner_of(size_t task, task::Shared kind) const { return owners[task][static_cast<size_t>(kind)]; }
    bool owns(size_t task, task::Shared kind) const { return owner_of(task, kind) == task; }
    // The address space of a task that is not dead.
    const img::mm_entry &space_of(size_t task) const { return *tasks[owner_of(task, task::Shared::Vm)].mm; }

    std::vector<std::array<size_t, 4>> owners; // of tasks, by task::Shared
};

// The tasks as far as their births go.
std::vector<task::Kin> kin_of(const ImageSet &images);

// Throws an Error of kind Image or Refused on the first thing that cannot be restored.
ImageSet read_images(const std::string &directory);

} // namespace cr::restore
