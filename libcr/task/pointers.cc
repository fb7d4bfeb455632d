// Addresses that the kernel keeps for a thread: where it clears the tid at exit (set_tid_address(2)), its
// list of robust futexes, its alternate signal stack; and its restartable sequence.
//
// rseq comes last of all: a thread that is registered gets its CPU number written at every preemption, and a
// child is cloned with its parent's registration.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"
#include "libcr/task/registers.h"

namespace cr::task
{

static void capture_pointers(const ThreadFacts &facts, img::core_entry &core)
{
    core.mutable_thread_info()->set_clear_tid_addr(facts.tid_address);
    img::thread_core_entry &thread = *core.mutable_thread_core();
    thread.set_futex_rla(facts.robust_list);
    thread.set_futex_rla_len(static_cast<uint32_t>(facts.robust_list_len));
    img::thread_sas_entry &sas = *thread.mutable_sas();
    sas.set_ss_sp(facts.altstack_sp);
    sas.set_ss_size(facts.altstack_size);
    sas.set_ss_flags(static_cast<uint32_t>(facts.altstack_flags));
}

static void arm_pointers(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Thread)
        return;
    const img::thread_core_entry &thread = core.thread_core();
    build.program.sys(SYS_set_tid_address, {core.thread_info().clear_tid_addr()});
    constexpr long kSetRobustList32 = 311;
    if (thread.futex_rla_len() && runs_32_bit(core))
        build.program.sys_32(kSetRobustList32, {thread.futex_rla(), thread.futex_rla_len()},
                             program::On::Fail, "robust list");
    else if (thread.futex_rla_len())
        build.program.sys(SYS_set_robust_list, {thread.futex_rla(), thread.futex_rla_len()},
                          program::On::Fail, "robust list");
    // A thread is always given one: it is inherited by a child of the same memory otherwise.
    stack_t stack{};
    stack.ss_sp = reinterpret_cast<void *>(thread.sas().ss_sp());
    stack.ss_size = thread.sas().ss_size();
    // SS_ONSTACK tells where the thread runs now and cannot be set; SS_AUTODISARM can.
    stack.ss_flags = static_cast<int>(thread.sas().ss_flags() & ~static_cast<uint32_t>(SS_ONSTACK));
    if (!stack.ss_sp && !stack.ss_size)
        stack.ss_flags = SS_DISABLE;
    auto data = build.region.data(&stack, sizeof stack);
    build.program.sys(SYS_sigaltstack, {data, 0}, program::On::Fail, "alternate signal stack");
}

static void capture_rseq(const ThreadFacts &facts, img::core_entry &core)
{
    if (!facts.rseq_size)
        return;
    img::rseq_entry &rseq = *core.mutable_thread_core()->mutable_rseq_entry();
    rseq.set_rseq_abi_pointer(facts.rseq_pointer);
    rseq.set_rseq_abi_size(facts.rseq_size);
    rseq.set_signature(facts.rseq_signature);
}

static void check_rseq(const img::core_entry &core, bool, const Host &)
{
    if (!core.thread_core().has_rseq_entry())
        return;
    const img::rseq_entry &rseq = core.thread_core().rseq_entry();
    if (rseq.rseq_abi_pointer() % 32 || rseq.rseq_abi_size() > 4096)
        bad_image(cat("rseq area of ", rseq.rseq_abi_size(), " bytes at ", hex(rseq.rseq_abi_pointer())));
}

static void arm_rseq(const img::core_entry &core, bool, Phase phase, const Host &, Build &build)
{
    if (phase != Phase::Last || !core.thread_core().has_rseq_entry())
        return;
    const img::rseq_entry &rseq = core.thread_core().rseq_entry();
    build.program.sys(334 /* rseq */, {rseq.rseq_abi_pointer(), rseq.rseq_abi_size(), 0, rseq.signature()},
                      program::On::Fail, "restartable sequence");
}

extern const Kind kThreadPointers, kRseq;
const Kind kThreadPointers = {"thread pointers", nullptr, capture_pointers, nullptr, arm_pointers};
const Kind kRseq = {"rseq", nullptr, capture_rseq, check_rseq, arm_rseq};

} // namespace cr::task
