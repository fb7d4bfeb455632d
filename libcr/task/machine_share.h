// What a stopped thread is given of the machine, read from outside.
#pragma once

#include "libcr/task/facts.h"

namespace cr::task
{

// Fills scheduling, cpus and ioprio of the thread `tid` of the facts.
void machine_share_facts(ThreadFacts &thread);
void read_timer_slack(ThreadFacts &thread);

} // namespace cr::task
