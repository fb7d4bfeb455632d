// /proc/PID (or /proc/PID/task/TID), opened once; everything else of the task is reached from it. It stays
// the directory of that very process: when the pid is reused, reads fail with ESRCH instead of telling of
// another. Can be rooted at a captured tree for tests.
#pragma once

#include "libcr/base/fd.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::proc
{

class PidDir
{
  public:
    explicit PidDir(pid_t pid, const std::string &root = "/proc");
    PidDir(pid_t pid, pid_t tid, const std::string &root = "/proc");

    int fd() const { return fd_.get(); }
    pid_t pid() const { return pid_; }
    // The whole file.
    std::string read(const char *name) const;
    // Empty when the file is missing or may not be read.
    std::string read_if_there(const char *name) const;
    std::string link(const char *name) const;
    // The numbers among the names of a subdirectory ("fd", "task"), sorted.
    std::vector<int> numbers(const char *name) const;

  private:
    std::string path(const char *name) const;
    pid_t pid_;
    std::string where_;
    Fd fd_;
};

} // namespace cr::proc
