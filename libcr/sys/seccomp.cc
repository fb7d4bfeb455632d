#include "libcr/sys/seccomp.h"

#include "libcr/base/error.h"
#include "libcr/sys/ptrace.h"

#include <cerrno>
#include <cstring>

namespace cr::sys
{

namespace
{

constexpr long kGetFilter = 0x420c, kGetMetadata = 0x420d; // PTRACE_SECCOMP_GET_FILTER, ..._METADATA
struct Metadata {
    uint64_t index, flags;
};

uint32_t calculate(uint16_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return b ? a / b : 0;
    case BPF_OR:
        return a | b;
    case BPF_AND:
        return a & b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return b < 32 ? a << b : 0;
    case BPF_RSH:
        return b < 32 ? a >> b : 0;
    default: // BPF_NEG
        return 0u - a;
    }
}

bool holds(uint16_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    default: // BPF_JSET
        return a & b;
    }
}

} // namespace

std::vector<SeccompFilter> seccomp_filters(pid_t tid)
{
    std::vector<SeccompFilter> out;
    for (uint64_t i = 0;; i++) {
        long size = ptrace::request(kGetFilter, tid, i, 0);
        if (size == -ENOENT)
            return out;
        if (size == -EACCES)
            failed_with(EACCES, "read its seccomp filters",
                        "that needs CAP_SYS_ADMIN, and to be under no filter oneself");
        check(size, "read its seccomp filters");
        SeccompFilter filter;
        filter.code.resize(static_cast<size_t>(size));
        check(ptrace::request(kGetFilter, tid, i, ptrace::pointer(filter.code.data())),
              "read its seccomp filters");
        Metadata metadata{i, 0};
        check(ptrace::request(kGetMetadata, tid, sizeof metadata, ptrace::pointer(&metadata)),
              "read the flags of its seccomp filters");
        filter.flags = static_cast<uint32_t>(metadata.flags);
        out.push_back(std::move(filter));
    }
}

uint32_t evaluate(const std::vector<sock_filter> &code, const seccomp_data &call)
{
    uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
    // Jumps lead forwards only, so this ends.
    for (size_t at = 0; at < code.size(); at++) {
        const sock_filter &insn = code[at];
        uint32_t operand = BPF_SRC(insn.code) == BPF_X ? x : insn.k;
        switch (BPF_CLASS(insn.code)) {
        case BPF_LD:
        case BPF_LDX: {
            uint32_t value = insn.k;
            if (BPF_MODE(insn.code) == BPF_ABS) {
                if (insn.k > sizeof call - 4)
                    return SECCOMP_RET_KILL_PROCESS;
                std::memcpy(&value, reinterpret_cast<const char *>(&call) + insn.k, 4);
            } else if (BPF_MODE(insn.code) == BPF_MEM) {
                value = memory[insn.k % BPF_MEMWORDS];
            } else if (BPF_MODE(insn.code) == BPF_LEN) {
                value = sizeof call;
            }
            (BPF_CLASS(insn.code) == BPF_LD ? a : x) = value;
            break;
        }
        case BPF_ST:
            memory[insn.k % BPF_MEMWORDS] = a;
            break;
        case BPF_STX:
            memory[insn.k % BPF_MEMWORDS] = x;
            break;
        case BPF_ALU:
            a = calculate(BPF_OP(insn.code), a, operand);
            break;
        case BPF_JMP:
            if (BPF_OP(insn.code) == BPF_JA)
                at += insn.k;
            else
                at += holds(BPF_OP(insn.code), a, operand) ? insn.jt : insn.jf;
            break;
        case BPF_RET:
            return BPF_RVAL(insn.code) == BPF_A ? a : insn.k;
        default: // BPF_MISC
            if (BPF_MISCOP(insn.code) == BPF_TAX)
                x = a;
            else
                a = x;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

} // namespace cr::sys
