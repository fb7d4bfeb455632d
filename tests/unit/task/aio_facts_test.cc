#include "libcr/sys/gate.h"
#include "libcr/task/kernel_facts.h"

#include <catch2/catch.hpp>
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace cr;

TEST_CASE("what is in flight of asynchronous I/O is read from the kernel")
{
    task::KernelSource kernel;
    aio_context_t context = 0;
    if (long r = sys::call(SYS_io_setup, 10, &context); r < 0) {
        WARN("no asynchronous I/O here (io_setup): " << r);
        return;
    }
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    char byte = 'x';
    auto submit = [&](uint16_t what, uint64_t buffer, uint64_t size) {
        iocb request{}, *list = &request;
        request.aio_lio_opcode = what;
        request.aio_fildes = static_cast<uint32_t>(ends[0]);
        request.aio_buf = buffer;
        request.aio_nbytes = size;
        return sys::call(SYS_io_submit, context, 1, &list);
    };
    REQUIRE(::write(ends[1], &byte, 1) == 1);
    REQUIRE(submit(IOCB_CMD_PREAD, reinterpret_cast<uintptr_t>(&byte), 1) == 1); // ends at once
    auto none = kernel.requests(::getpid());
    if (!none) {
        WARN("this kernel does not tell, or not us");
        return;
    }
    CHECK(none->in_flight == 0);
    CHECK_FALSE(none->endless);
    if (submit(IOCB_CMD_POLL, POLLIN, 0) != 1) {
        WARN("this kernel has no IOCB_CMD_POLL");
    } else {
        auto waits = kernel.requests(::getpid());
        REQUIRE(waits);
        CHECK(waits->in_flight == 1);
        CHECK(waits->endless);
        REQUIRE(::write(ends[1], &byte, 1) == 1);
        io_event events[2];
        REQUIRE(sys::call(SYS_io_getevents, context, 2, 2, events, nullptr) == 2);
        // An event is there to be read a moment before it is counted.
        int tries = 1000;
        while (tries && kernel.requests(::getpid())->in_flight)
            tries--;
        CHECK(tries);
    }
    sys::call(SYS_io_destroy, context);
    ::close(ends[0]);
    ::close(ends[1]);
}
