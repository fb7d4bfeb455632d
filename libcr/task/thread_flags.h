// What prctl(2) and arch_prctl(2) keep for a thread and only the thread itself can be asked for.
#pragma once

#include "core.pb.h"
#include "libcr/inject/calls.h"
#include "libcr/task/facts.h"

namespace cr::task
{

struct FlagQuestions {
    inject::Calls::Out tsc, tsc_result, store_bypass, indirect_branch, l1d_flush, cpuid;

    explicit FlagQuestions(inject::Calls &calls);
    void read(const inject::Calls &calls, ThreadFacts &facts) const;
};

// Those of a thread whose own are the same.
void take_flags(const ThreadFacts &from, ThreadFacts &to);

// As far as /proc tells it: for threads that cannot be asked.
void flags_from_outside(ThreadFacts &facts);

// Of a thread that is traced and makes no more calls for us: has its own system calls sent where they were
// sent.
void set_user_dispatch(pid_t tid, const img::core_entry &core);

} // namespace cr::task
