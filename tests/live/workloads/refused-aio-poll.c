// refused: asynchronous I/O, IOCB_CMD_POLL, io_cancel
// A request that ends only when something happens.
#include "aio.h"
#include <poll.h>

int main(void)
{
    aio_context_t context = aio_setup(8);
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)ends[0], .aio_buf = POLLIN};
    struct iocb *list = &request;
    if (syscall(SYS_io_submit, context, 1, &list) != 1)
        skip("no IOCB_CMD_POLL: %s\n", strerror(errno));
    ready();
    wait_for_go();
    check(write(ends[1], "x", 1) == 1, "write");
    struct io_event event;
    check_equal(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), 1, "the event after a refused dump");
    pass();
}
