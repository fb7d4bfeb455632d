// Keyrings of a process and of a thread (keyrings(7)), which it made and nobody else can see or make for it.
// (The session keyring is inherited; a restored task has that of its restorer.)
#pragma once

#include "libcr/inject/calls.h"
#include "libcr/task/facts.h"

namespace cr::task
{

struct KeyringQuestions {
    inject::Calls::Out thread, process;

    explicit KeyringQuestions(inject::Calls &calls);
    void read(const inject::Calls &calls, ThreadFacts &facts) const;
};

// Refuses them, or warns when `allowed`.
void meet_keyrings(const TaskFacts &facts, bool allowed);

} // namespace cr::task
