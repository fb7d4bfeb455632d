// What a thread is given of the machine besides its policy: the CPUs that it may run on, the priority of its
// input and output, and by how much its timers may be late. All is read from outside.
//
// The kernel does not tell whether a thread ever asked for certain CPUs. One that had all that were online is
// given all that are there after the restore.
#include "libcr/task/machine_share.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/task/kind.h"

#include <bit>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace cr::task
{

static constexpr size_t kCpuWords = 128; // 8192 CPUs, the most that Linux can be built for
static constexpr int kWhoProcess = 1;    // IOPRIO_WHO_PROCESS
static constexpr int kIoClassShift = 13; // IOPRIO_CLASS_SHIFT

void machine_share_facts(ThreadFacts &thread)
{
    thread.scheduling = sys::sched_getattr(thread.tid);
    thread.cpus.resize(kCpuWords);
    long size = sys::check(
        sys::call(SYS_sched_getaffinity, thread.tid, kCpuWords * sizeof(uint64_t), thread.cpus.data()),
        "read the CPU affinity");
    thread.cpus.resize(static_cast<size_t>(size) / sizeof(uint64_t));
    int count = 0;
    for (uint64_t word : thread.cpus)
        count += std::popcount(word);
    static const long online = sysconf(_SC_NPROCESSORS_ONLN);
    thread.all_cpus = count == online;
    // A kernel built without block devices has no such call.
    if (long ioprio = sys::call(SYS_ioprio_get, kWhoProcess, thread.tid); ioprio > 0)
        thread.ioprio = static_cast<int>(ioprio);
}

void read_timer_slack(ThreadFacts &thread)
{
    // By its own id, under which /proc has every thread.
    try {
        thread.timer_slack = parse_int<uint64_t>(trim(proc::PidDir(thread.tid).read("timerslack_ns")));
    } catch (const Error &) {
        log::warning("thread ", thread.tid,
                     ": its timer slack cannot be read without CAP_SYS_NICE: the restored thread will have "
                     "that of its restorer");
    }
}

static void capture_share(const ThreadFacts &facts, img::core_entry &core)
{
    img::thread_core_entry &thread = *core.mutable_thread_core();
    thread.set_cr_cpus(facts.cpus.data(), facts.cpus.size() * sizeof(uint64_t));
    if (facts.all_cpus)
        thread.set_cr_all_cpus(true);
    // Older kernels tell the priority that follows from nice where none was set.
    thread.set_cr_ioprio(facts.ioprio >> kIoClassShift ? static_cast<uint32_t>(facts.ioprio) : 0);
    if (facts.timer_slack)
        thread.set_cr_timer_slack(*facts.timer_slack);
}

static void check_share(const img::core_entry &core, bool, const Host &)
{
    const std::string &cpus = core.thread_core().cr_cpus();
    if (cpus.size() % sizeof(uint64_t) || cpus.size() > kCpuWords * sizeof(uint64_t))
        bad_image(cat("a set of CPUs of ", cpus.size(), " bytes"));
    if (core.thread_core().cr_ioprio() > 0xffff)
        bad_image(cat("an I/O priority of ", core.thread_core().cr_ioprio()));
}

static void arm_share(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    const img::thread_core_entry &thread = core.thread_core();
    // The slack after the policy: real-time threads cannot set it. 0 is what these have; to set 0 would mean
    // the default.
    if (phase == Phase::Creds && thread.cr_timer_slack())
        build.program.sys(SYS_prctl, {PR_SET_TIMERSLACK, static_cast<long>(thread.cr_timer_slack()), 0, 0, 0},
                          program::On::Fail, "timer slack");
    if (phase != Phase::Thread)
        return;
    if (thread.has_cr_cpus()) {
        std::string cpus =
            thread.cr_all_cpus() ? std::string(kCpuWords * sizeof(uint64_t), '\xff') : thread.cr_cpus();
        auto data = build.region.data(cpus.data(), cpus.size());
        build.program.sys(SYS_sched_setaffinity, {0, static_cast<long>(cpus.size()), data}, program::On::Fail,
                          "CPU affinity (at least one of its CPUs must be there)");
    }
    if (thread.has_cr_ioprio())
        build.program.sys(SYS_ioprio_set, {kWhoProcess, 0, thread.cr_ioprio()}, program::On::Fail,
                          "I/O priority (real-time classes need CAP_SYS_NICE)");
}

extern const Kind kMachineShare;
const Kind kMachineShare = {"share of the machine", nullptr, capture_share, check_share, arm_share};

} // namespace cr::task
