// refused: aio|asynchronous
// A ring of the kernel's old asynchronous input and output.
#include "workload.h"
#include <linux/aio_abi.h>

int main(void)
{
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 8, &context) != 0)
        skip("io_setup: %s\n", strerror(errno));
    ready();
    wait_for_go();
    check(syscall(SYS_io_destroy, context) == 0, "the ring after a refused dump");
    pass();
}
