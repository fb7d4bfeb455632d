// An event counter in semaphore mode gives one at a time.
#include "workload.h"
#include <sys/eventfd.h>

static int says_semaphore(int fd)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(info, text, sizeof text - 1);
    check(length > 0 && close(info) == 0, "fdinfo");
    text[length] = 0;
    return strstr(text, "eventfd-semaphore:") != NULL;
}

int main(void)
{
    uint64_t value = 0;
    int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    check(semaphore >= 0, "eventfd");
    if (!says_semaphore(semaphore))
        skip("this kernel does not tell that a counter is a semaphore");
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check_equal(read(semaphore, &value, 8), 8, "read");
        check_equal(value, 1, "what a semaphore gives");
    }
    check(read(semaphore, &value, 8) == -1 && errno == EAGAIN, "the semaphore gives more than it has");
    pass();
}
