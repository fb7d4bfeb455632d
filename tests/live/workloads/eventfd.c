// without: files.efd.counter, files.efd.flags
// Event counters: their value, non-blocking or not.
#include "workload.h"
#include <sys/eventfd.h>

int main(void)
{
    uint64_t value = 0, most = 0xfffffffffffffffe;
    int counter = eventfd(1234567, EFD_CLOEXEC), empty = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int full = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    check(counter >= 0 && empty >= 0 && write(full, &most, 8) == 8, "set-up");
    ready();
    wait_for_go();
    check_equal(read(counter, &value, 8), 8, "read");
    check_equal(value, 1234567, "the counter");
    check(read(empty, &value, 8) == -1 && errno == EAGAIN, "an empty counter");
    check_equal(fcntl(counter, F_GETFL) & O_NONBLOCK, 0, "a flag");
    value = 1;
    check(write(full, &value, 8) == -1 && errno == EAGAIN, "a full counter has room");
    check(read(full, &value, 8) == 8 && value == most, "a full counter");
    pass();
}
