// The process that makes and holds every open file description of a restore until the tasks have fetched
// theirs: a fork of the coordinator before any task exists, so that no clone of a task pays for its
// descriptors. It dies with the coordinator.
#pragma once

#include "libcr/base/fd.h"

#include <functional>
#include <set>
#include <sys/types.h>

namespace cr::restore
{

class OpenerProcess
{
  public:
    // Forks; in the child `open_all` is run, then `late` and `after` when they are called for here. Errors of
    // both are thrown here as they were thrown there. The child gets none of the pids in `taken`.
    OpenerProcess(const std::set<pid_t> &taken, const std::function<void()> &open_all,
                  const std::function<void()> &late, const std::function<void()> &after);
    ~OpenerProcess();
    OpenerProcess(const OpenerProcess &) = delete;
    OpenerProcess &operator=(const OpenerProcess &) = delete;

    pid_t pid() const { return pid_; }
    void wait_opened() { hear(); }
    void open_late() { ask(kLate); }
    void after_tasks() { ask(kAfter); }

  private:
    enum Request : char { kLate = 1, kAfter = 2 };
    [[noreturn]] void serve(int socket, const std::function<void()> &open_all,
                            const std::function<void()> &late, const std::function<void()> &after);
    void ask(Request request);
    void hear();
    pid_t pid_ = 0;
    Fd socket_;
};

} // namespace cr::restore
