// Whether any of several processes does anything: uses a processor, reads, writes, or waits for a child.
// By /proc/PID/stat, /proc/PID/io and /proc/PID/task/PID/children.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::session
{

class Progress
{
  public:
    void watch(pid_t pid) { pids_.push_back(pid); }
    // Since when none of them has been seen to do anything, in microseconds; looks at all of them.
    uint64_t idle_us();

  private:
    std::vector<pid_t> pids_;
    std::string last_;
    uint64_t since_us_ = 0;
};

} // namespace cr::session
