// The parts of what a task and a thread is, each a kind: one file holds how it is captured into the core
// image and how a program brings it back. kTable (kinds.cc) has one line per kind; its order is the order of
// restore.
#pragma once

#include "core.pb.h"
#include "libcr/task/build.h"
#include "libcr/task/facts.h"

#include <array>
#include <span>

namespace cr::task
{

// What the machine that restores offers, for kinds whose way depends on it.
struct Host {
    uint64_t bounding = 0;             // our capability bounding set
    bool timer_restore_ids = false;    // PR_TIMER_CREATE_RESTORE_IDS
    bool set_loginuid = false;         // a task has another audit login user than we, and it can be set
    std::array<long, 3> speculation{}; // PR_GET_SPECULATION_CTRL by number
};

// When an operation is added to a program. Phases of one task run in this order.
enum class Phase {
    Early,   // once per process by its leader, before it has its memory
    Process, // once per process by its leader, after memory, descriptors, children and threads are there
    Thread,  // by every thread for itself, still privileged
    Creds,   // by every thread: gives its privileges away
    Last,    // by every thread: what a change of credentials resets, and pending signals
};

struct Kind {
    const char *name;
    // Either may be null. `core` is the leader's for capture_task.
    void (*capture_task)(const TaskFacts &facts, img::core_entry &core);
    void (*capture_thread)(const ThreadFacts &facts, img::core_entry &core);
    // Throws what would make a restore of this value wrong or impossible; pure.
    void (*check)(const img::core_entry &core, bool leader, const Host &host);
    // Adds the operations of `phase`; `leader` is true in the program of the process's first thread.
    void (*arm)(const img::core_entry &core, bool leader, Phase phase, const Host &host, Build &build);
};

std::span<const Kind *const> kinds();

void capture_task(const TaskFacts &facts, img::core_entry &core);
void capture_thread(const ThreadFacts &facts, img::core_entry &core);
void check(const img::core_entry &core, bool leader, const Host &host);
void arm(const img::core_entry &core, bool leader, Phase phase, const Host &host, Build &build);

} // namespace cr::task
