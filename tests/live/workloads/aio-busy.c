// Reads past the page cache, of which some are nearly always in flight: none is lost, and none writes into memory
// that was saved before it.
#include "aio.h"

enum { REQUESTS = 8, SIZE = 64 << 10 };

int main(void)
{
    char *buffers = mmap(NULL, REQUESTS * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(buffers != MAP_FAILED, "mmap");
    int fd = open("aio-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0, "a file");
    for (int i = 0; i < REQUESTS; i++) {
        memset(buffers, 'a' + i, SIZE);
        check_equal(write(fd, buffers, SIZE), SIZE, "write");
    }
    check(fsync(fd) == 0 && close(fd) == 0, "fsync");
    fd = open("aio-file", O_RDONLY | O_DIRECT);
    if (fd < 0)
        skip("this file system has no O_DIRECT\n");
    aio_context_t context = aio_setup(REQUESTS);
    if (!live_go)
        live_go = live_path("LIVE_GO");
    ready();
    for (int more = 2; more; more -= access(live_go, F_OK) == 0) {
        struct iocb requests[REQUESTS];
        memset(buffers, 0, REQUESTS * SIZE);
        for (int i = 0; i < REQUESTS; i++) {
            requests[i] = (struct iocb){.aio_data = (uint64_t)i,
                                        .aio_lio_opcode = IOCB_CMD_PREAD,
                                        .aio_fildes = (uint32_t)fd,
                                        .aio_buf = (uintptr_t)(buffers + i * SIZE),
                                        .aio_nbytes = SIZE,
                                        .aio_offset = i * SIZE};
            aio_submit(context, &requests[i]);
        }
        for (int ended = 0; ended < REQUESTS; ended++) {
            struct io_event event;
            struct timespec longest = {60, 0};
            int n = (int)syscall(SYS_io_getevents, context, 1, 1, &event, &longest);
            check_equal(n, 1, "a request without an event");
            check_equal(event.res, SIZE, "the result of a read");
            check(event.data < REQUESTS, "whose event it is");
            const char *got = buffers + event.data * SIZE;
            check(got[0] == 'a' + (int)event.data && memcmp(got, got + 1, SIZE - 1) == 0, "what was read");
        }
    }
    aio_expect_none(context);
    pass();
}
