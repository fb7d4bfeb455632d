// without: core.thread_info.gpregs.r15, core.thread_info.gpregs.bx, core.thread_info.gpregs.flags
// without: core.thread_info.gpregs.r9
// All general registers and the arithmetic flags, held in a loop that never enters the kernel.
#include "workload.h"

volatile unsigned stop;
unsigned long seen[15];
unsigned long flags;
static volatile pid_t spinner_tid;

// Loads every register but rsp with a pattern, sets carry and direction, spins until `stop`, stores them all.
// rcx is the loop's own: jrcxz is the one test that leaves the flags alone.
__asm__(".globl hold_registers\n"
        "hold_registers:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov $0x1111111111111101, %rax; mov $0x1111111111111102, %rbx; mov $0x1111111111111103, %rcx\n"
        "mov $0x1111111111111104, %rdx; mov $0x1111111111111105, %rsi; mov $0x1111111111111106, %rdi\n"
        "mov $0x1111111111111107, %rbp; mov $0x1111111111111108, %r8; mov $0x1111111111111109, %r9\n"
        "mov $0x111111111111110a, %r10; mov $0x111111111111110b, %r11; mov $0x111111111111110c, %r12\n"
        "mov $0x111111111111110d, %r13; mov $0x111111111111110e, %r14; mov $0x111111111111110f, %r15\n"
        "std; stc\n"
        "1: pause\n"
        "mov stop(%rip), %ecx; jrcxz 1b\n"
        "pushfq; cld\n"
        "mov %rax, seen(%rip); mov %rbx, seen+8(%rip); mov %rdx, seen+24(%rip); mov %rsi, seen+32(%rip)\n"
        "mov %rdi, seen+40(%rip); mov %rbp, seen+48(%rip); mov %r8, seen+56(%rip); mov %r9, seen+64(%rip)\n"
        "mov %r10, seen+72(%rip); mov %r11, seen+80(%rip); mov %r12, seen+88(%rip); mov %r13, seen+96(%rip)\n"
        "mov %r14, seen+104(%rip); mov %r15, seen+112(%rip)\n"
        "pop %rax; mov %rax, flags(%rip)\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");
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
    pthread_t thread = start_thread(spinner, NULL);
    while (spinner_tid == 0)
        sleep_ms(1);
    sleep_ms(5);
    ready();
    wait_for_go();
    stop = 1;
    join_thread(thread);
    for (int i = 0; i < 15; ++i)
        if (i != 2)
            check_equal(seen[i], 0x1111111111111101 + i, "a general register");
    check_equal(flags & 0x401, 0x401, "the direction and carry flags");
    pass();
}
