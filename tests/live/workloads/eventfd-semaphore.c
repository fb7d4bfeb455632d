// An event counter in semaphore mode gives one at a time.
#include "workload.h"
#include <sys/eventfd.h>

int main(void)
{
    uint64_t value = 0;
    int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    check(semaphore >= 0, "eventfd");
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check_equal(read(semaphore, &value, 8), 8, "read");
        check_equal(value, 1, "what a semaphore gives");
    }
    check(read(semaphore, &value, 8) == -1 && errno == EAGAIN, "the semaphore gives more than it has");
    pass();
}
