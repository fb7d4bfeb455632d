// Asynchronous I/O as the kernel has it, without libaio.
#ifndef LIVE_AIO_H
#define LIVE_AIO_H

#include "workload.h"
#include <linux/aio_abi.h>

// What the kernel shows at a context's address (fs/aio.c).
struct ring {
    uint32_t id, nr, head, tail, magic, compat_features, incompat_features, header_length;
    struct io_event events[];
};
static inline struct ring *ring_of(aio_context_t context) { return (struct ring *)context; }

static inline aio_context_t aio_setup(unsigned requests)
{
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, requests, &context) != 0)
        skip("io_setup: %s\n", strerror(errno));
    return context;
}

static inline void aio_submit(aio_context_t context, struct iocb *request)
{
    check_equal(syscall(SYS_io_submit, context, 1, &request), 1, "io_submit");
}

// A request that ends at once, told apart by `data`.
static inline int aio_try_short(aio_context_t context, int fd, uint64_t data)
{
    static char byte;
    struct iocb request = {.aio_data = data,
                           .aio_lio_opcode = IOCB_CMD_PREAD,
                           .aio_fildes = (uint32_t)fd,
                           .aio_buf = (uintptr_t)&byte,
                           .aio_nbytes = 1},
                *list = &request;
    return (int)syscall(SYS_io_submit, context, 1, &list);
}
static inline void aio_submit_short(aio_context_t context, int fd, uint64_t data)
{
    check_equal(aio_try_short(context, fd, data), 1, "io_submit");
}

// The event that is next must be that of such a request, whose result is `result`.
static inline void aio_expect(aio_context_t context, uint64_t data, int64_t result)
{
    struct io_event event = {0};
    struct timespec none = {0, 0};
    check_equal(syscall(SYS_io_getevents, context, 1, 1, &event, &none), 1, "the event is there");
    check_equal(event.data, data, "whose event it is");
    check_equal(event.res, result, "the result of the request");
}

static inline void aio_expect_none(aio_context_t context)
{
    struct io_event event;
    struct timespec none = {0, 0};
    check_equal(syscall(SYS_io_getevents, context, 0, 1, &event, &none), 0, "events that should not be there");
}

#endif
