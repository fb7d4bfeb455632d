// refused: asynchronous I/O context, shortened
// A ring whose end the program has unmapped: no call makes such a one.
#include "aio.h"

int main(void)
{
    aio_context_t context = aio_setup(500);
    size_t size = ring_of(context)->nr / 128 * 4096ul; // at least one page less
    check(munmap((char *)context + size, 4096) == 0, "munmap");
    ready();
    wait_for_go();
    aio_expect_none(context);
    pass();
}
