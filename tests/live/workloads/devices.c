// without: files.reg.name
// Character devices that hold nothing: null, zero, full, random.
#include "workload.h"

int main(void)
{
    char byte = 1, more[16] = "";
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC),
        urandom = open("/dev/urandom", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    check(null >= 0 && zero >= 0 && full >= 0 && urandom >= 0, "open");
    ready();
    wait_for_go();
    check(write(null, "x", 1) == 1 && read(null, &byte, 1) == 0, "/dev/null");
    check(read(zero, &byte, 1) == 1 && byte == 0 && write(zero, "x", 1) == -1, "/dev/zero");
    check(write(full, "x", 1) == -1 && errno == ENOSPC, "/dev/full");
    check(read(urandom, more, sizeof more) == sizeof more, "/dev/urandom");
    pass();
}
