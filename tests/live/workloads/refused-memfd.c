// refused: memfd
// A file in memory, open and mapped.
#include "workload.h"

int main(void)
{
    int fd = memfd_create("held", MFD_CLOEXEC);
    check(fd >= 0 && ftruncate(fd, 8192) == 0, "set-up");
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    area[5000] = 'm';
    ready();
    wait_for_go();
    check_equal(area[5000], 'm', "memory after a refused dump");
    pass();
}
