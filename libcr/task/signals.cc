// Signals: what a process does with each (sigaction), and those that wait in its queues.
//
// The image leaves SIGKILL and SIGSTOP out: entry i is signal i + 1 of the rest, in order (62 of 64).
//
// A queued signal is put back by the task to itself with its siginfo as it was; the kernel allows every
// si_code only to oneself (rt_sigqueueinfo(2)). Restored tasks run with all signals blocked until their
// registers are set, so nothing is delivered before its time.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"
#include "libcr/task/registers.h"

#include <cstring>

namespace cr::task
{

static bool kept(int signal) { return signal != SIGKILL && signal != SIGSTOP; }

static void capture_actions(const TaskFacts &facts, img::core_entry &core)
{
    if (facts.state == TaskFacts::State::Zombie)
        return;
    for (int signal = 1; signal <= 64; signal++) {
        if (!kept(signal))
            continue;
        const SigAction &action = facts.sigactions[static_cast<size_t>(signal - 1)];
        img::sa_entry &out = *core.mutable_tc()->add_sigactions();
        out.set_sigaction(action.handler);
        out.set_flags(action.flags);
        out.set_restorer(action.restorer);
        out.set_mask(action.mask);
        if (!facts.threads.empty() && facts.threads.front().runs_32_bit())
            out.set_compat_sigaction(true);
    }
}

static void check_actions(const img::core_entry &core, bool leader, const Host &)
{
    if (!leader || core.tc().task_state() == 2)
        return;
    if (core.tc().sigactions_size() != 62)
        bad_image(cat(core.tc().sigactions_size(), " signal actions where 62 belong"));
    for (const img::sa_entry &action : core.tc().sigactions())
        if (action.compat_sigaction() && core.has_thread_info() && !runs_32_bit(core))
            refused("32-bit signal actions of a 64-bit process are not supported yet");
}

// By the call of that kind, by which the kernel knows what frame a handler expects.
static void arm_actions_32(const std::array<SigAction, 64> &actions, Build &build)
{
    struct Action {
        uint32_t handler, flags, restorer, mask[2];
    };
    constexpr long kRtSigaction = 174;
    for (int signal = 1; signal <= 64; signal++) {
        if (!kept(signal))
            continue;
        const SigAction &in = actions[static_cast<size_t>(signal - 1)];
        auto word = [](uint64_t value) { return static_cast<uint32_t>(value); };
        Action out{word(in.handler), word(in.flags), word(in.restorer), {word(in.mask), word(in.mask >> 32)}};
        auto data = build.region.data(&out, sizeof out);
        build.program.sys_32(kRtSigaction, {signal, data, 0, 8}, program::On::Fail, "signal actions");
    }
}

static void arm_actions(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Process || !build.makes_signal_actions)
        return;
    std::array<SigAction, 64> actions{};
    int next = 0;
    for (int signal = 1; signal <= 64; signal++) {
        if (!kept(signal))
            continue;
        const img::sa_entry &in = core.tc().sigactions(next++);
        actions[static_cast<size_t>(signal - 1)] = {in.sigaction(), in.flags(), in.restorer(), in.mask()};
    }
    if (core.tc().sigactions(0).compat_sigaction())
        return arm_actions_32(actions, build);
    auto data = build.region.data(actions.data(), sizeof actions);
    auto set = [&](int first, int last) {
        build.program.sys_repeat(
            SYS_rt_sigaction,
            {first, program::Value(data, static_cast<size_t>(first - 1) * sizeof(SigAction)), 0, 8},
            static_cast<uint64_t>(last - first + 1), {1, sizeof(SigAction), 0, 0}, program::On::Fail,
            "signal actions");
    };
    set(1, SIGKILL - 1);
    set(SIGKILL + 1, SIGSTOP - 1);
    set(SIGSTOP + 1, 64);
}

static void put_queue(const std::vector<siginfo_t> &queue, img::signal_queue_entry &out)
{
    for (const siginfo_t &info : queue)
        out.add_signals()->set_siginfo(&info, sizeof info);
}

static void capture_shared(const TaskFacts &facts, img::core_entry &core)
{
    put_queue(facts.pending, *core.mutable_tc()->mutable_signals_s());
}

static void capture_private(const ThreadFacts &facts, img::core_entry &core)
{
    put_queue(facts.pending, *core.mutable_thread_core()->mutable_signals_p());
}

static void check_queue(const img::signal_queue_entry &queue)
{
    for (const img::siginfo_entry &entry : queue.signals()) {
        siginfo_t info;
        if (entry.siginfo().size() != sizeof info)
            bad_image(cat("a siginfo of ", entry.siginfo().size(), " bytes"));
        memcpy(&info, entry.siginfo().data(), sizeof info);
        if (info.si_signo < 1 || info.si_signo > 64)
            bad_image(cat("a queued signal ", info.si_signo));
    }
}

static void check_pending(const img::core_entry &core, bool leader, const Host &)
{
    check_queue(core.thread_core().signals_p());
    if (leader)
        check_queue(core.tc().signals_s());
}

static void arm_queue(const img::signal_queue_entry &queue, bool shared, Build &build, pid_t tgid)
{
    for (const img::siginfo_entry &entry : queue.signals()) {
        siginfo_t info;
        memcpy(&info, entry.siginfo().data(), sizeof info);
        auto data = build.region.data(&info, sizeof info);
        std::string what = cat("queued signal ", info.si_signo);
        if (shared)
            build.program.sys(SYS_rt_sigqueueinfo, {tgid, info.si_signo, data}, program::On::Fail, what);
        else
            build.program.sys(SYS_rt_tgsigqueueinfo, {tgid, build.pid, info.si_signo, data},
                              program::On::Fail, what);
    }
}

static void arm_pending(const img::core_entry &core, bool leader, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Last)
        return;
    if (leader)
        arm_queue(core.tc().signals_s(), true, build, build.tgid);
    arm_queue(core.thread_core().signals_p(), false, build, build.tgid);
}

extern const Kind kSignalActions, kPendingSignals;
const Kind kSignalActions = {"signal actions", capture_actions, nullptr, check_actions, arm_actions};
const Kind kPendingSignals = {"pending signals", capture_shared, capture_private, check_pending, arm_pending};

} // namespace cr::task
