#include "libcr/task/kind.h"

#include "libcr/base/subject.h"

namespace cr::task
{

extern const Kind kState, kRegisters, kThreadPointers, kRseq, kName, kScheduling, kMachineShare, kNuma,
    kThreadFlags, kSignalActions, kIntervalTimers, kPosixTimers, kLimits, kProcessFlags, kCredentials,
    kSeccomp, kPendingSignals;

// Limits come after everything that a low limit would hinder; pending signals last, since anything may queue
// one.
static constexpr const Kind *kTable[] = {
    &kState,      &kRegisters,     &kName,           &kNuma,        &kMachineShare,   &kThreadFlags,
    &kScheduling, &kSignalActions, &kIntervalTimers, &kPosixTimers, &kProcessFlags,   &kThreadPointers,
    &kLimits,     &kCredentials,   &kSeccomp,        &kRseq,        &kPendingSignals,
};

std::span<const Kind *const> kinds() { return kTable; }

void capture_task(const TaskFacts &facts, img::core_entry &core)
{
    for (const Kind *kind : kTable)
        if (kind->capture_task)
            kind->capture_task(facts, core);
}

void capture_thread(const ThreadFacts &facts, img::core_entry &core)
{
    for (const Kind *kind : kTable)
        if (kind->capture_thread)
            kind->capture_thread(facts, core);
}

void check(const img::core_entry &core, bool leader, const Host &host)
{
    for (const Kind *kind : kTable) {
        auto name = [kind] { return kind->name; };
        Subject subject(name);
        if (kind->check)
            kind->check(core, leader, host);
    }
}

void arm(const img::core_entry &core, bool leader, Phase phase, const Host &host, Build &build)
{
    for (const Kind *kind : kTable)
        if (kind->arm)
            kind->arm(core, leader, phase, host, build);
}

} // namespace cr::task
