// refused: eBPF program filters
// A socket whose filter is a program of eBPF.
#include "workload.h"
#include <linux/bpf.h>
#include <sys/socket.h>

int main(void)
{
    struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr load;
    memset(&load, 0, sizeof load);
    load.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    load.insns = (uintptr_t)code;
    load.insn_cnt = 2;
    load.license = (uintptr_t)"GPL";
    int program = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
    if (program < 0)
        skip("no programs of BPF: %s\n", strerror(errno));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) == 0 && close(program) == 0, "attach it");
    ready();
    wait_for_go();
    pass();
}
