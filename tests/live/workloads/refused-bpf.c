// refused: fd.3..anon_inode:bpf-map.:.BPF.maps.of.type.queue.cannot.be.saved, fd.4..anon_inode:bpf-map.:.the.BPF.program.[0-9]+..a_user..uses.this.map, fd.5..anon_inode:bpf-prog.:.BPF.programs.cannot.be.saved
// BPF objects that cannot be kept: a queue, which gives out its contents only by losing them; a program and its map.
#include "bpf.h"

int main(void)
{
    int queue = make_map(BPF_MAP_TYPE_QUEUE, 0, 8, 10, 0, "a_queue");
    int used = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, "used");
    struct bpf_insn code[] = {
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = used},
        {0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)code, .insn_cnt = 4};
    attr.license = (uintptr_t) "GPL";
    memcpy(attr.prog_name, "a_user", 6);
    int program = bpf(BPF_PROG_LOAD, &attr);
    check(queue == 3 && used == 4 && program == 5, "set-up");
    ready();
    wait_for_go();
    uint64_t value = 9;
    union bpf_attr push = {.map_fd = (uint32_t)queue, .value = (uintptr_t)&value};
    check(bpf(BPF_MAP_UPDATE_ELEM, &push) == 0, "push after a refused dump");
    pass();
}
