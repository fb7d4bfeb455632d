// The NUMA policy of a thread, set_mempolicy(2): asked of the thread itself, or read from the kernel. (The
// policies of areas of memory are mm's.)
#pragma once

#include "libcr/inject/calls.h"
#include "libcr/sys/numa.h"
#include "libcr/task/facts.h"
#include "numa.pb.h"

namespace cr::task
{

struct NumaQuestion {
    inject::Calls::Out mode, nodes, result;

    explicit NumaQuestion(inject::Calls &calls);
    NumaPolicy read(const inject::Calls &calls) const;
};

NumaPolicy numa_policy(uint32_t mode, std::vector<uint64_t> nodes);
void put_numa(const NumaPolicy &policy, img::cr_numa_policy_entry &out);

} // namespace cr::task
