// What was seen of a stopped task, before it is turned into an image: registers and queues by ptrace, text
// from /proc, answers of calls made inside the task. Plain values; the kinds (kind.h) are functions over
// them.
#pragma once

#include "libcr/proc/stat.h"
#include "libcr/proc/status.h"
#include "libcr/sys/ptrace.h"
#include "libcr/sys/scheduling.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/user.h>
#include <vector>

namespace cr::task
{

// As the kernel's struct sigaction of rt_sigaction(2), x86-64.
struct SigAction {
    uint64_t handler = 0, flags = 0, restorer = 0, mask = 0;
};

struct PosixTimer {
    int id = 0, clock = 0, signal = 0, notify = 0;
    uint64_t value = 0;   // sigev_value
    pid_t notify_tid = 0; // SIGEV_THREAD_ID
    int overrun = 0;
    uint64_t interval_ns = 0, left_ns = 0; // left_ns 0: not armed
};

// set_mempolicy(2)
struct NumaPolicy {
    uint32_t mode = 0;
    std::vector<uint64_t> nodes; // without zeros at the end
};

struct ThreadFacts {
    bool runs_32_bit() const { return regs.cs == sys::kCode32; }

    pid_t tid = 0, vtid = 0;
    user_regs_struct regs{};
    std::vector<uint8_t> xsave; // as NT_X86_XSTATE gives it
    uint64_t sigmask = 0;
    std::vector<siginfo_t> pending; // its own queue
    proc::Status status;
    proc::Stat stat;
    sys::SchedAttr scheduling;
    std::vector<uint64_t> cpus; // sched_getaffinity
    bool all_cpus = false;      // they are as many as are online
    int ioprio = 0;
    std::optional<uint64_t> timer_slack; // ns; unknown where we may not read it
    uint64_t robust_list = 0, robust_list_len = 0;
    std::vector<user_desc> areas; // set_thread_area(2), of one that runs 32-bit code
    // rseq(2) registration; size 0: none
    uint64_t rseq_pointer = 0;
    uint32_t rseq_size = 0, rseq_signature = 0;
    // From calls made inside.
    uint64_t tid_address = 0;
    uint64_t altstack_sp = 0, altstack_size = 0;
    int altstack_flags = 0;
    int pdeath_signal = 0;
    uint32_t securebits = 0;
    NumaPolicy numa;
    // What prctl(2) keeps for a thread; unknown where no call can be made or the CPU has nothing of the kind.
    std::optional<uint32_t> tsc, store_bypass, indirect_branch, l1d_flush;
    bool cpuid_faults = false;
    bool thread_keyring = false, process_keyring = false; // it has such a keyring
    sys::ptrace::UserDispatch user_dispatch;
    std::vector<uint8_t> io_ports;
    std::optional<uint64_t> call_left_ns; // of a call that the kernel has in its restart block
    uint64_t kernel_object = 0;           // address of its task_struct, where the kernel was read
    uint64_t kernel_flags = 0; // its thread_info's flags, where the kernel was read, as far as they last
    std::optional<uint32_t> seccomp_filter; // the last of its chain in the image of filters
};

struct TaskFacts {
    // The main thread when it has ended before the others, as far as there is anything of it.
    std::optional<ThreadFacts> dead_leader;

    pid_t pid = 0;
    pid_t vpid = 0, vppid = 0, vpgid = 0, vsid = 0; // in its pid namespace
    enum class State { Alive, Stopped, Zombie } state = State::Alive;
    int stop_signal = 0;
    std::vector<ThreadFacts> threads; // the leader first; empty for a zombie
    proc::Stat stat;                  // of the leader
    uint64_t dead_sigmask = 0;        // of a zombie
    std::vector<siginfo_t> pending;   // shared queue
    std::array<rlimit64, 16> limits{};
    uint32_t personality = 0;
    int oom_score_adj = 0;
    std::optional<uint32_t> coredump_filter;
    int autogroup_nice = 0;
    std::optional<uint32_t> loginuid;
    // From calls made inside.
    std::array<SigAction, 64> sigactions{}; // of signal i + 1
    std::array<itimerval, 3> itimers{};
    std::vector<PosixTimer> timers;
    int dumpable = 1;
    uint64_t brk = 0;
    bool child_subreaper = false, memory_merge = false;
    uint32_t thp_disable = 0, mdwe = 0; // as PR_GET_THP_DISABLE and PR_GET_MDWE say
    std::string ldt;                    // as modify_ldt(2) reads it
    std::optional<uint32_t> membarrier_registrations;
};

} // namespace cr::task
