// What the machine and the process that restores offer.
#pragma once

#include "libcr/feature/features.h"
#include "libcr/task/kind.h"

#include <csignal>

namespace cr::restore
{

task::Host host_of(const feature::Features &features);

// The state that tasks are cloned from: all signals blocked, none ignored, as many descriptors as allowed, no
// registered restartable sequence (a task would inherit it, pointing into memory that it has not). Signals
// are as before when it goes away.
class ReadyToClone
{
  public:
    ReadyToClone();
    ~ReadyToClone();
    ReadyToClone(const ReadyToClone &) = delete;
    ReadyToClone &operator=(const ReadyToClone &) = delete;

  private:
    uint64_t mask_ = 0;
    bool was_subreaper_ = false;
    sighandler_t sigpipe_, sigchld_;
};

} // namespace cr::restore
