// without: core.thread_info.fpregs.xsave.zmm_upper, core.thread_info.fpregs.xsave.hi16_zmm
// without: core.thread_info.fpregs.xsave.opmask_reg
// The thirty-two vector registers of AVX-512 and its mask registers, held in a loop that never enters the
// kernel.
#include "workload.h"

volatile unsigned stop;
unsigned char patterns[32 * 64], seen[32 * 64];
unsigned masks[2];
static volatile pid_t spinner_tid;

__asm__(".globl hold_registers\n"
        "hold_registers:\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "vmovdqu64 patterns+\\n*64(%rip), %zmm\\n\n"
        ".endr\n"
        "mov $0x1e31, %eax; kmovw %eax, %k1; mov $0x7a5c, %eax; kmovw %eax, %k7\n"
        "1: pause; cmpl $0, stop(%rip); je 1b\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "vmovdqu64 %zmm\\n, seen+\\n*64(%rip)\n"
        ".endr\n"
        "kmovw %k1, %eax; mov %eax, masks(%rip); kmovw %k7, %eax; mov %eax, masks+4(%rip)\n"
        "vzeroupper; ret\n");
void hold_registers(void);

static void *spinner(void *unused)
{
    (void)unused;
    spinner_tid = gettid();
    hold_registers();
    return NULL;
}

int main(void)
{
    if (!__builtin_cpu_supports("avx512f"))
        skip("the CPU has no AVX-512\n");
    for (unsigned i = 0; i < sizeof patterns; ++i)
        patterns[i] = i * 7 + i / 256 + 1;
    pthread_t thread = start_thread(spinner, NULL);
    while (spinner_tid == 0)
        sleep_ms(1);
    sleep_ms(3);
    ready();
    wait_for_go();
    stop = 1;
    join_thread(thread);
    check(memcmp(patterns, seen, sizeof seen) == 0, "a vector register");
    check_equal(masks[0], 0x1e31, "mask register k1");
    check_equal(masks[1], 0x7a5c, "mask register k7");
    pass();
}
