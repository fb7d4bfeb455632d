// Small switches of a thread: what it is spared (PR_SET_IO_FLUSHER), how it is told of broken memory
// (PR_MCE_KILL), which instructions fault (PR_SET_TSC, ARCH_SET_CPUID, ioperm), and how much speculation is
// allowed (PR_SET_SPECULATION_CTRL). The first two are flags of the task in /proc/PID/stat; the rest is asked
// inside.
//
// The latter are bits of the thread's flags in the kernel, at places that change with its version: where many
// threads are read from there, those with the flags of their leader have its switches, and others are asked.
//
// Of a thread under seccomp /proc/PID/status tells the speculation, in words, and nothing the rest.
#include "libcr/task/thread_flags.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <asm/prctl.h>
#include <sys/prctl.h>

namespace cr::task
{

namespace
{

// include/linux/sched.h
constexpr uint32_t kMceProcess = 0x80, kMemallocNoio = 0x80000, kLocalThrottle = 0x100000,
                   kMceEarly = 0x8000000;
// prctl(2)
constexpr uint32_t kSpecPrctl = 1, kSpecEnable = 2, kSpecDisable = 4, kSpecForceDisable = 8,
                   kSpecDisableNoExec = 16;
constexpr uint32_t kSpecSettings = kSpecEnable | kSpecDisable | kSpecForceDisable | kSpecDisableNoExec;
constexpr int kSetIoFlusher = 57, kSpecL1dFlush = 2;

// What is not the thread's own is the machine's.
std::optional<uint32_t> own(int64_t result)
{
    return result < 0 || !(result & kSpecPrctl) ? std::nullopt : std::optional(static_cast<uint32_t>(result));
}

std::optional<uint32_t> speculation_in_words(std::string_view text)
{
    constexpr struct {
        std::string_view words;
        uint32_t value;
    } kWords[] = {{"thread force mitigated", kSpecPrctl | kSpecForceDisable},
                  {"thread mitigated", kSpecPrctl | kSpecDisable},
                  {"thread vulnerable", kSpecPrctl | kSpecEnable},
                  {"conditional force disabled", kSpecPrctl | kSpecForceDisable},
                  {"conditional disabled", kSpecPrctl | kSpecDisable},
                  {"conditional enabled", kSpecPrctl | kSpecEnable}};
    for (const auto &[words, value] : kWords)
        if (text == words)
            return value;
    return std::nullopt;
}

template <class Set> void put_speculation(std::optional<uint32_t> value, Set set)
{
    if (value)
        set(*value & kSpecSettings);
}

void capture_flags(const ThreadFacts &facts, img::core_entry &core)
{
    img::thread_core_entry &thread = *core.mutable_thread_core();
    if ((facts.stat.flags & (kMemallocNoio | kLocalThrottle)) == (kMemallocNoio | kLocalThrottle))
        thread.set_cr_io_flusher(true);
    if (facts.stat.flags & kMceProcess)
        thread.set_cr_machine_check(facts.stat.flags & kMceEarly ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE);
    if (facts.tsc && *facts.tsc != PR_TSC_ENABLE)
        thread.set_cr_tsc(*facts.tsc);
    if (facts.cpuid_faults)
        thread.set_cr_cpuid_faults(true);
    put_speculation(facts.store_bypass, [&](uint32_t value) { thread.set_cr_store_bypass(value); });
    put_speculation(facts.indirect_branch, [&](uint32_t value) { thread.set_cr_indirect_branch(value); });
    if (!facts.io_ports.empty())
        thread.set_cr_io_ports(facts.io_ports.data(), facts.io_ports.size());
    if (facts.user_dispatch.mode) {
        img::cr_user_dispatch_entry &dispatch = *thread.mutable_cr_user_dispatch();
        dispatch.set_mode(facts.user_dispatch.mode);
        dispatch.set_selector(facts.user_dispatch.selector);
        dispatch.set_start(facts.user_dispatch.start);
        dispatch.set_length(facts.user_dispatch.length);
    }
    if (facts.l1d_flush && (*facts.l1d_flush & kSpecEnable))
        thread.set_cr_l1d_flush(*facts.l1d_flush & kSpecSettings);
}

struct Speculation {
    uint32_t value;
    int which;
    const char *name;
};

std::vector<Speculation> speculation_of(const img::thread_core_entry &thread)
{
    std::vector<Speculation> out;
    if (thread.has_cr_store_bypass())
        out.push_back({thread.cr_store_bypass(), PR_SPEC_STORE_BYPASS, "speculative store bypass"});
    if (thread.has_cr_indirect_branch())
        out.push_back(
            {thread.cr_indirect_branch(), PR_SPEC_INDIRECT_BRANCH, "speculation of indirect branches"});
    if (thread.has_cr_l1d_flush())
        out.push_back({thread.cr_l1d_flush(), kSpecL1dFlush, "flushing of the L1D cache"});
    return out;
}

void check_flags(const img::core_entry &core, bool, const Host &host)
{
    const img::thread_core_entry &thread = core.thread_core();
    for (const Speculation &one : speculation_of(thread)) {
        if (one.value & ~kSpecSettings || (one.value & (one.value - 1)))
            bad_image(cat("speculation control ", one.value));
        // Where a thread cannot choose, the machine has chosen; only this choice is less than it asked for.
        if (one.value != kSpecEnable && one.which != kSpecL1dFlush &&
            host.speculation[static_cast<size_t>(one.which)] == kSpecEnable)
            refused(cat("it limits ", one.name, " (PR_SET_SPECULATION_CTRL), which cannot be done here"),
                    "boot this machine with that mitigation (spec_store_bypass_disable=, spectre_v2_user=)");
    }
    constexpr size_t kAllPorts = 65536 / 8;
    if (thread.cr_io_ports().size() > kAllPorts)
        bad_image(cat("I/O ports in ", thread.cr_io_ports().size(), " bytes"));
    constexpr uint64_t kMostModes = 16;
    if (thread.cr_user_dispatch().mode() > kMostModes || thread.cr_user_dispatch().selector() > INT64_MAX)
        bad_image(cat("dispatching of system calls, mode ", thread.cr_user_dispatch().mode(), ", selector ",
                      hex(thread.cr_user_dispatch().selector())));
    if (thread.cr_machine_check() > PR_MCE_KILL_EARLY || thread.cr_tsc() > PR_TSC_SIGSEGV)
        bad_image(cat("machine check policy ", thread.cr_machine_check(), ", TSC ", thread.cr_tsc()));
}

void prctl(Build &build, const char *what, program::Value option, program::Value a, program::Value b = 0)
{
    build.program.sys(SYS_prctl, {option, a, b, 0, 0}, program::On::Fail, what);
}

// Runs of zeros are what it may use.
void arm_io_ports(const std::string &bits, Build &build)
{
    auto allowed = [&](size_t port) { return port < bits.size() * 8 && !(bits[port / 8] >> (port % 8) & 1); };
    for (size_t first = 0; first < bits.size() * 8; first++) {
        if (!allowed(first))
            continue;
        size_t end = first;
        while (allowed(end))
            end++;
        build.program.sys(SYS_ioperm, {first, end - first, 1}, program::On::Fail,
                          cat("I/O ports ", first, " to ", end - 1, " (need CAP_SYS_RAWIO)"));
        first = end;
    }
}

// Threads begin as copies of their leader, which sets its own switches when they are there.
void arm_flags(const img::core_entry &core, bool, Phase phase, const Host &host, Build &build)
{
    if (phase != Phase::Thread)
        return;
    const img::thread_core_entry &thread = core.thread_core();
    if (thread.cr_io_flusher())
        prctl(build, "the privileges of a thread that writes pages out (PR_SET_IO_FLUSHER)", kSetIoFlusher,
              1);
    if (thread.has_cr_machine_check())
        prctl(build, "machine check policy", PR_MCE_KILL, PR_MCE_KILL_SET, thread.cr_machine_check());
    arm_io_ports(thread.cr_io_ports(), build);
    if (thread.cr_tsc())
        prctl(build, "access to the time stamp counter", PR_SET_TSC, thread.cr_tsc());
    if (thread.cr_cpuid_faults())
        build.program.sys(SYS_arch_prctl, {ARCH_SET_CPUID, 0}, program::On::Fail, "faulting of cpuid");
    for (const Speculation &one : speculation_of(thread))
        if (host.speculation[static_cast<size_t>(one.which)] & kSpecPrctl)
            prctl(build, one.name, PR_SET_SPECULATION_CTRL, one.which, one.value);
}

} // namespace

FlagQuestions::FlagQuestions(inject::Calls &calls)
{
    tsc = calls.out(4);
    tsc_result = calls.sys_result(SYS_prctl, {PR_GET_TSC, tsc, 0, 0, 0});
    auto speculation = [&](int which) {
        return calls.sys_result(SYS_prctl, {PR_GET_SPECULATION_CTRL, which, 0, 0, 0});
    };
    store_bypass = speculation(PR_SPEC_STORE_BYPASS);
    indirect_branch = speculation(PR_SPEC_INDIRECT_BRANCH);
    l1d_flush = speculation(kSpecL1dFlush);
    cpuid = calls.sys_result(SYS_arch_prctl, {ARCH_GET_CPUID, 0});
}

void FlagQuestions::read(const inject::Calls &calls, ThreadFacts &facts) const
{
    if (calls.result(tsc_result) >= 0)
        facts.tsc = calls.get<uint32_t>(tsc);
    facts.store_bypass = own(calls.result(store_bypass));
    facts.indirect_branch = own(calls.result(indirect_branch));
    facts.l1d_flush = own(calls.result(l1d_flush));
    facts.cpuid_faults = calls.result(cpuid) == 0;
}

void take_flags(const ThreadFacts &from, ThreadFacts &to)
{
    to.tsc = from.tsc;
    to.store_bypass = from.store_bypass;
    to.indirect_branch = from.indirect_branch;
    to.l1d_flush = from.l1d_flush;
    to.cpuid_faults = from.cpuid_faults;
}

void flags_from_outside(ThreadFacts &facts)
{
    facts.store_bypass = speculation_in_words(facts.status.store_bypass);
    facts.indirect_branch = speculation_in_words(facts.status.indirect_branch);
}

void set_user_dispatch(pid_t tid, const img::core_entry &core)
{
    if (!core.thread_core().has_cr_user_dispatch())
        return;
    const img::cr_user_dispatch_entry &dispatch = core.thread_core().cr_user_dispatch();
    sys::check(sys::ptrace::set_user_dispatch(
                   tid, {dispatch.mode(), dispatch.selector(), dispatch.start(), dispatch.length()}),
               "have its system calls dispatched (needs Linux 6.4)");
}

extern const Kind kThreadFlags;
const Kind kThreadFlags = {"thread flags", nullptr, capture_flags, check_flags, arm_flags};

} // namespace cr::task
