// The process that makes and holds every open file description of a restore until the tasks have fetched
// theirs: a fork of the coordinator before any task exists, so that no clone of a task pays for its
// descriptors. It dies with the coordinator, but for the last moment, in which connections begin to go on:
// that is finished by it alone then.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/restore/guardian.h"

#include <functional>
#include <set>
#include <sys/types.h>

namespace cr::restore
{

// What is run in the opener.
struct OpenerWork {
    std::function<void()> open_all;
    std::function<void()> late;        // when all processes are born
    std::function<void()> after_tasks; // when all tasks exist
    std::function<void()> let_go;      // when they are sure to live
};

class OpenerProcess
{
  public:
    // Forks; in the child `work.open_all` is run, then the others when they are called for here. Errors
    // are thrown here as they were thrown there. The child gets none of the pids in `taken`.
    OpenerProcess(const std::set<pid_t> &taken, const OpenerWork &work, const Commitment &commitment);
    ~OpenerProcess();
    OpenerProcess(const OpenerProcess &) = delete;
    OpenerProcess &operator=(const OpenerProcess &) = delete;

    pid_t pid() const { return pid_; }
    void wait_opened() { hear(); }
    void open_late() { ask(kLate); }
    void after_tasks() { ask(kAfter); }
    // From now on it lets go and ends when it has no coordinator any more, after the commitment.
    void outlive() { ask(kOutlive); }
    // After the commitment: leaves it to that.
    void let_go();

  private:
    enum Request : char { kLate = 1, kAfter, kOutlive };
    [[noreturn]] static void serve(int socket, const OpenerWork &work, const Commitment &commitment);
    void ask(Request request);
    void hear();
    pid_t pid_ = 0;
    Fd socket_;
    bool left_alone_ = false;
};

} // namespace cr::restore
