// A process beside us that does something when we are gone, by whatever end, unless it is dismissed before.
#pragma once

#include <functional>
#include <set>
#include <sys/types.h>

namespace cr::sys
{

class Watcher
{
  public:
    // `work` runs in a fork of this moment, which must be single-threaded. Its pid is none of `taken`.
    Watcher(const char *name, const std::function<void()> &work, const std::set<pid_t> &taken = {});
    ~Watcher(); // dismisses it
    Watcher(const Watcher &) = delete;
    Watcher &operator=(const Watcher &) = delete;

    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = 0;
};

} // namespace cr::sys
