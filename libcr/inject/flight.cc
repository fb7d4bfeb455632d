#include "libcr/inject/flight.h"

#include <vector>

namespace cr::inject
{

namespace
{

// The kernel's signal frame, from the saved rip on: eflags, then cs in the low bits of the next word (struct
// sigcontext, arch/x86/include/uapi/asm/sigcontext.h).
bool is_saved_context(const uint64_t *rip, const Pad &pad)
{
    constexpr uint64_t kAlwaysSet = 2, kLargestFlags = 1 << 22, kCode64 = 0x33;
    return rip[0] - pad.at.value < pad.size && (rip[1] & kAlwaysSet) && rip[1] < kLargestFlags &&
           (rip[2] & 0xffff) == kCode64;
}

} // namespace

bool is_in_flight(const FrozenThread &thread, const Pad &pad)
{
    if (thread.regs.rip - pad.at.value < pad.size)
        return true;
    if (!pad.left.busy)
        return false;
    constexpr size_t kDepth = 32768; // how far handlers may have called others
    std::vector<uint64_t> stack(kDepth / 8);
    long n = sys::read_memory(thread.tid, TargetAddr(thread.regs.rsp & ~7ull), stack.data(), kDepth);
    for (long i = 0; i + 2 < n / 8; i++)
        if (is_saved_context(&stack[static_cast<size_t>(i)], pad))
            return true;
    return false;
}

} // namespace cr::inject
