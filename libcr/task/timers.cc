// Timers of a process: the three interval timers of setitimer(2) and POSIX timers of timer_create(2).
//
// A running timer is armed again with the time that was left. Two traps:
// - an interval timer whose signal is pending shows 0 left with an interval: it is armed again by the kernel
// when the
//   signal is taken. It gets 1 us here, so that it keeps ticking;
// - ids of POSIX timers are handed out in order. PR_TIMER_CREATE_RESTORE_IDS (Linux 6.15) lets us name one;
// without it
//   timers are made and deleted until the id comes up.
// The overrun count of a queued signal is in its siginfo. What timer_getoverrun(2) reports, the count of the
// signal that was taken last, cannot be set (arming a timer clears it): it is in the image, and said to be
// lost.
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <algorithm>
#include <cstring>
#include <sys/prctl.h>
#include <sys/time.h>

namespace cr::task
{

namespace
{

constexpr int kPrTimerCreateRestoreIds = 77;
constexpr uint32_t kLargestIdByLoop = 100000;
constexpr uint64_t kNsPerSecond = 1000000000;

void put_itimer(const itimerval &in, img::itimer_entry &out)
{
    out.set_isec(static_cast<uint64_t>(in.it_interval.tv_sec));
    out.set_iusec(static_cast<uint64_t>(in.it_interval.tv_usec));
    out.set_vsec(static_cast<uint64_t>(in.it_value.tv_sec));
    out.set_vusec(static_cast<uint64_t>(in.it_value.tv_usec));
}

void capture_itimers(const TaskFacts &facts, img::core_entry &core)
{
    if (facts.state == TaskFacts::State::Zombie)
        return;
    img::task_timers_entry &timers = *core.mutable_tc()->mutable_timers();
    put_itimer(facts.itimers[ITIMER_REAL], *timers.mutable_real());
    put_itimer(facts.itimers[ITIMER_VIRTUAL], *timers.mutable_virt());
    put_itimer(facts.itimers[ITIMER_PROF], *timers.mutable_prof());
}

void check_itimer(const img::itimer_entry &in)
{
    if (in.iusec() >= 1000000 || in.vusec() >= 1000000)
        bad_image(cat("an interval timer of ", in.vusec(), " microseconds over the second"));
}

void check_itimers(const img::core_entry &core, bool leader, const Host &)
{
    if (!leader)
        return;
    check_itimer(core.tc().timers().real());
    check_itimer(core.tc().timers().virt());
    check_itimer(core.tc().timers().prof());
}

void arm_itimer(int which, const img::itimer_entry &in, Build &build)
{
    itimerval value{};
    value.it_interval.tv_sec = static_cast<time_t>(in.isec());
    value.it_interval.tv_usec = static_cast<suseconds_t>(in.iusec());
    value.it_value.tv_sec = static_cast<time_t>(in.vsec());
    value.it_value.tv_usec = static_cast<suseconds_t>(in.vusec());
    bool ticking = in.isec() || in.iusec();
    if (!in.vsec() && !in.vusec()) {
        if (!ticking)
            return;
        value.it_value.tv_usec = 1;
    }
    auto data = build.region.data(&value, sizeof value);
    build.program.sys(SYS_setitimer, {which, data, 0}, program::On::Fail, "interval timer");
}

void arm_itimers(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Process)
        return;
    arm_itimer(ITIMER_REAL, core.tc().timers().real(), build);
    arm_itimer(ITIMER_VIRTUAL, core.tc().timers().virt(), build);
    arm_itimer(ITIMER_PROF, core.tc().timers().prof(), build);
}

void capture_posix(const TaskFacts &facts, img::core_entry &core)
{
    for (const PosixTimer &timer : facts.timers) {
        img::posix_timer_entry &out = *core.mutable_tc()->mutable_timers()->add_posix();
        out.set_it_id(static_cast<uint32_t>(timer.id));
        out.set_clock_id(static_cast<uint32_t>(timer.clock));
        out.set_si_signo(static_cast<uint32_t>(timer.signal));
        out.set_it_sigev_notify(static_cast<uint32_t>(timer.notify));
        out.set_sival_ptr(timer.value);
        out.set_overrun(static_cast<uint32_t>(timer.overrun));
        if (timer.overrun > 0)
            log::warning("pid ", facts.pid, ", POSIX timer ", timer.id, ": that the signal taken last came ",
                         timer.overrun, " times too late (timer_getoverrun) is not restored");
        out.set_isec(timer.interval_ns / kNsPerSecond);
        out.set_insec(timer.interval_ns % kNsPerSecond);
        out.set_vsec(timer.left_ns / kNsPerSecond);
        out.set_vnsec(timer.left_ns % kNsPerSecond);
        if (timer.notify & SIGEV_THREAD_ID)
            out.set_notify_thread_id(timer.notify_tid);
    }
}

void check_posix(const img::core_entry &core, bool leader, const Host &host)
{
    if (!leader)
        return;
    int64_t previous = -1;
    for (const img::posix_timer_entry &timer : core.tc().timers().posix()) {
        if (timer.insec() >= kNsPerSecond || timer.vnsec() >= kNsPerSecond || timer.it_id() > INT32_MAX)
            bad_image(cat("POSIX timer ", timer.it_id(), " has impossible values"));
        if (!host.timer_restore_ids && timer.it_id() > kLargestIdByLoop)
            refused(cat("POSIX timer id ", timer.it_id(), " cannot be made on this kernel"),
                    "Linux 6.15 can (PR_TIMER_CREATE_RESTORE_IDS)");
        if (timer.si_signo() > 64 || (timer.it_sigev_notify() == SIGEV_SIGNAL && !timer.si_signo()))
            bad_image(cat("POSIX timer ", timer.it_id(), " has signal ", timer.si_signo()));
        if (timer.it_id() == previous)
            bad_image(cat("two POSIX timers have id ", timer.it_id()));
        previous = timer.it_id();
    }
}

// The kernel's struct sigevent, which glibc's has no public field for the thread of.
struct KernelSigevent {
    uint64_t value;
    int32_t signo, notify, tid;
    int32_t pad[11];
};
static_assert(sizeof(KernelSigevent) == 64);

// Makes and deletes timers so that the next one made gets `id`. `next` is the id that the kernel would give.
void skip_ids(uint32_t &next, uint32_t id, program::DataId slot, program::DataId event, Build &build)
{
    for (; next < id; next++) {
        build.program.sys(SYS_timer_create, {CLOCK_MONOTONIC, event, slot});
        build.program.sys(SYS_timer_delete, {next});
    }
}

void arm_one(const img::posix_timer_entry &timer, program::DataId slot, Build &build)
{
    KernelSigevent event{};
    event.value = timer.sival_ptr();
    event.signo = static_cast<int32_t>(timer.si_signo());
    event.notify = static_cast<int32_t>(timer.it_sigev_notify());
    event.tid = timer.notify_thread_id();
    std::string what = cat("POSIX timer ", timer.it_id());
    auto event_data = build.region.data(&event, sizeof event);
    build.program.sys(SYS_timer_create, {static_cast<int32_t>(timer.clock_id()), event_data, slot},
                      program::On::Fail, what);
    itimerspec value{};
    value.it_interval = {static_cast<time_t>(timer.isec()), static_cast<long>(timer.insec())};
    value.it_value = {static_cast<time_t>(timer.vsec()), static_cast<long>(timer.vnsec())};
    bool armed = timer.vsec() || timer.vnsec(), ticking = timer.isec() || timer.insec();
    if (!armed && ticking)
        value.it_value.tv_nsec = 1;
    if (armed || ticking)
        build.program.sys(SYS_timer_settime, {timer.it_id(), 0, build.region.data(&value, sizeof value), 0},
                          program::On::Fail, what);
}

void arm_posix(const img::core_entry &core, bool, Phase phase, const Host &host, Build &build)
{
    if (phase != Phase::Process || !core.tc().timers().posix_size())
        return;
    std::vector<img::posix_timer_entry> timers(core.tc().timers().posix().begin(),
                                               core.tc().timers().posix().end());
    std::sort(timers.begin(), timers.end(), [](auto &a, auto &b) { return a.it_id() < b.it_id(); });
    KernelSigevent none{};
    none.notify = SIGEV_NONE;
    auto none_data = build.region.data(&none, sizeof none);
    uint32_t next = 0;
    if (host.timer_restore_ids)
        build.program.sys(SYS_prctl, {kPrTimerCreateRestoreIds, 1, 0, 0, 0});
    for (const img::posix_timer_entry &timer : timers) {
        int32_t id = static_cast<int32_t>(timer.it_id());
        auto slot = build.region.data(&id, sizeof id);
        if (!host.timer_restore_ids)
            skip_ids(next, timer.it_id(), slot, none_data, build);
        arm_one(timer, slot, build);
        next = timer.it_id() + 1;
    }
    if (host.timer_restore_ids)
        build.program.sys(SYS_prctl, {kPrTimerCreateRestoreIds, 0, 0, 0, 0});
}

} // namespace

extern const Kind kIntervalTimers, kPosixTimers;
const Kind kIntervalTimers = {"interval timers", capture_itimers, nullptr, check_itimers, arm_itimers};
const Kind kPosixTimers = {"POSIX timers", capture_posix, nullptr, check_posix, arm_posix};

} // namespace cr::task
