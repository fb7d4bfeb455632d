// without: pagemap.vaddr, mm.vmas.start, core.thread_info.gpregs.sp
// The simplest program there is: one that counts, in memory and in a register of its loop.
#include "workload.h"

int main(void)
{
    volatile unsigned long counter = 1000;
    unsigned long wanted = 1000;
    ready();
    while (access(live_go, F_OK) != 0) {
        sleep_ms(1);
        ++counter;
        ++wanted;
    }
    check_equal(counter, wanted, "the count went astray");
    pass();
}
