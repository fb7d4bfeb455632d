// without: core.thread_info.fpregs.xsave.ymmh_space, core.thread_info.fpregs.xmm_space
// The sixteen vector registers of AVX, both halves, held in a loop that never enters the kernel.
#include "workload.h"

volatile unsigned stop;
unsigned char patterns[16 * 32], seen[16 * 32];
static volatile pid_t spinner_tid;

__asm__(".globl hold_registers\n"
        "hold_registers:\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu patterns+\\n*32(%rip), %ymm\\n\n"
        ".endr\n"
        "1: pause; cmpl $0, stop(%rip); je 1b\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu %ymm\\n, seen+\\n*32(%rip)\n"
        ".endr\n"
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
    if (!__builtin_cpu_supports("avx"))
        skip("the CPU has no AVX\n");
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
    pass();
}
