// Small BPF programs written as arrays of instructions, and the calls that load and run them.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <cstdint>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <vector>

namespace cr::sys::bpf
{

constexpr bpf_insn insn(int code, int to, int from, int offset, int value)
{
    bpf_insn out{};
    out.code = static_cast<__u8>(code);
    out.dst_reg = static_cast<__u8>(to) & 15;
    out.src_reg = static_cast<__u8>(from) & 15;
    out.off = static_cast<__s16>(offset);
    out.imm = value;
    return out;
}

constexpr int kLoad = BPF_LDX | BPF_MEM | BPF_DW, kLoad32 = BPF_LDX | BPF_MEM | BPF_W;
constexpr int kStore = BPF_STX | BPF_MEM | BPF_DW, kStore32 = BPF_STX | BPF_MEM | BPF_W;
constexpr int kMove = BPF_ALU64 | BPF_MOV | BPF_X, kSet = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr int kCall = BPF_JMP | BPF_CALL;

constexpr int alu(int operation) { return BPF_ALU64 | operation | BPF_K; }

inline long command(int number, bpf_attr &attributes)
{
    return call(SYS_bpf, number, &attributes, sizeof attributes);
}

// A program for the iterator function of that BTF id; its descriptor or -errno.
inline long load_iterator(const std::vector<bpf_insn> &code, uint32_t function)
{
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_TRACING;
    load.insns = reinterpret_cast<uintptr_t>(code.data());
    load.insn_cnt = static_cast<uint32_t>(code.size());
    load.license = reinterpret_cast<uintptr_t>("GPL"); // what bpf_seq_write asks for
    load.expected_attach_type = BPF_TRACE_ITER;
    load.attach_btf_id = function;
    return command(BPF_PROG_LOAD, load);
}

// A descriptor to read what the program writes about thread `tid`, or if that is 0 all of process `pid`; none
// when it fails.
inline Fd iterate(int program, pid_t tid, pid_t pid)
{
    struct {
        uint32_t tid, pid, pid_fd, padding; // task of union bpf_iter_link_info, which older headers lack
    } info{static_cast<uint32_t>(tid), static_cast<uint32_t>(pid), 0, 0};
    bpf_attr attach{};
    attach.link_create.prog_fd = static_cast<uint32_t>(program);
    attach.link_create.attach_type = BPF_TRACE_ITER;
    attach.link_create.iter_info = reinterpret_cast<uintptr_t>(&info);
    attach.link_create.iter_info_len = sizeof info;
    Fd link(static_cast<int>(command(BPF_LINK_CREATE, attach)));
    if (!link)
        return Fd();
    bpf_attr create{};
    create.iter_create.link_fd = static_cast<uint32_t>(link.get());
    return Fd(static_cast<int>(command(BPF_ITER_CREATE, create)));
}

} // namespace cr::sys::bpf
