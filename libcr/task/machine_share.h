// What a stopped thread is given of the machine, read from outside.
#pragma once

#include "libcr/task/facts.h"

namespace cr::task
{

// Fills scheduling, cpus, ioprio and timer_slack of the thread `tid` of the facts.
void machine_share_facts(ThreadFacts &thread);

} // namespace cr::task
