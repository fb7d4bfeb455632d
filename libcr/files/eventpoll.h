// What of an epoll a task has to do itself: see eventpoll.cc.
#pragma once

#include "libcr/task/build.h"

namespace cr::files
{

class Plan;

// Has the task watch signalfds by those epolls that fall to it. Its descriptor table, that of `pid`, is
// complete; `opener` is its descriptor for the opener (a pidfd), above all of its numbers.
void arm_signal_watches(const Plan &plan, pid_t pid, program::OpId opener, task::Build &build);

} // namespace cr::files
