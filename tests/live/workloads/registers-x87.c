// without: core.thread_info.fpregs.st_space, core.thread_info.fpregs.cwd, core.thread_info.fpregs.mxcsr
// without: core.thread_info.fpregs.twd
// The x87 stack with its control word, and the SSE control word, held in a loop that never enters the kernel.
#include "workload.h"

volatile unsigned stop;
unsigned short control = 0x0f7f, seen_control;   // round towards zero, full precision
unsigned sse_control = 0xdf80, seen_sse_control; // round up and flush to zero
long double values[8];
static volatile pid_t spinner_tid;

__asm__(".globl hold_registers\n"
        "hold_registers:\n"
        "fninit; fldcw control(%rip); ldmxcsr sse_control(%rip)\n"
        "fldz; fld1; fldl2t; fldl2e; fldpi; fldlg2; fldln2; fld1\n"
        "1: pause; cmpl $0, stop(%rip); je 1b\n"
        "fnstcw seen_control(%rip); stmxcsr seen_sse_control(%rip)\n"
        ".irp n,0,1,2,3,4,5,6,7\n"
        "fstpt values+\\n*16(%rip)\n"
        ".endr\n"
        "fninit; ret\n");
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
    static const double wanted[8] = {
        1, 0.69314718056, 0.301029995664, 3.14159265359, 1.44269504, 3.3219280949, 1, 0};
    pthread_t thread = start_thread(spinner, NULL);
    while (spinner_tid == 0)
        sleep_ms(1);
    sleep_ms(3);
    ready();
    wait_for_go();
    stop = 1;
    join_thread(thread);
    check_equal(seen_control, control, "the x87 control word");
    check_equal(seen_sse_control & ~0x3fu, sse_control, "the SSE control word");
    for (int i = 0; i < 8; ++i)
        check(values[i] - wanted[i] < 1e-8 && wanted[i] - values[i] < 1e-8, "a value on the x87 stack");
    pass();
}
