// Which tasks share a kernel object: the memory, the descriptor table, the root and working directory, the
// signal actions (kcmp(2)). Tasks that share one get one id. kcmp gives an order, so a tree of n tasks costs
// n log n calls.
#pragma once

#include "libcr/sys/process.h"

#include <cstdint>
#include <map>
#include <sys/types.h>
#include <vector>

namespace cr::task
{

// What the dumper itself has, as CRIU calls it in the inventory: an id of a task that equals it would mean
// that the task shares with the dumper, which CRIU refuses.
constexpr uint32_t kDumperId = 1;

class SharedObjects
{
  public:
    explicit SharedObjects(sys::Kcmp what) : what_(what) {}
    // An id that is the same for all tasks sharing the object with `pid`; never kDumperId, never 0.
    uint32_t id_of(pid_t pid);
    // Another task that id_of() has found to share with `pid`; 0 when there is none.
    pid_t sharer(pid_t pid) const;

  private:
    sys::Kcmp what_;
    struct Known {
        pid_t pid;
        uint32_t id;
    };
    std::vector<Known> sorted_;
    std::map<pid_t, pid_t> sharers_;
};

struct ObjectIds {
    uint32_t vm = 0, files = 0, fs = 0, sighand = 0;
};

// What threads of one process may have of their own.
struct ThreadTables {
    uint32_t files = 0, fs = 0;
    bool operator==(const ThreadTables &) const = default;
};

// Which of the threads of a process clones each, so that it has its tables by the flags of its birth. The
// first is the leader, its own entry is 0. `shares_files`: the leader's descriptor table is also that of
// other processes. Throws Refused when there is no way.
std::vector<size_t> thread_cloners(const std::vector<ThreadTables> &threads, bool shares_files);

enum class Shared { Vm, Files, Fs, Sighand };
// The fields of ObjectIds in that order.
inline constexpr uint32_t ObjectIds::*kSharedIds[] = {&ObjectIds::vm, &ObjectIds::files, &ObjectIds::fs,
                                                      &ObjectIds::sighand};

} // namespace cr::task
