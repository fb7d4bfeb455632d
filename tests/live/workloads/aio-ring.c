// without: mm.aios
// Contexts of asynchronous I/O in which nothing is to be done: a small one, and one of several pages.
#include "aio.h"

int main(void)
{
    aio_context_t contexts[] = {aio_setup(1), aio_setup(500)};
    uint32_t nr[] = {ring_of(contexts[0])->nr, ring_of(contexts[1])->nr};
    int fd = open("/dev/zero", O_RDONLY);
    check(fd >= 0, "/dev/zero");
    ready();
    wait_for_go();
    for (int i = 0; i < 2; i++) {
        check_equal(ring_of(contexts[i])->magic, 0xa10a10a1, "the mark of a ring");
        check_equal(ring_of(contexts[i])->nr, nr[i], "how many events it has room for");
        check_equal(ring_of(contexts[i])->head, 0, "its first event");
        check_equal(ring_of(contexts[i])->tail, 0, "its end");
        aio_expect_none(contexts[i]);
        for (uint64_t n = 0; n < 2 * nr[i]; n++) { // around it
            aio_submit_short(contexts[i], fd, n);
            aio_expect(contexts[i], n, 1);
        }
        check(syscall(SYS_io_destroy, contexts[i]) == 0, "io_destroy");
    }
    pass();
}
