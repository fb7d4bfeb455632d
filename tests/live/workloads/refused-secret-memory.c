// refused: secret memory.*memfd_secret, fd 3.*secret memory
// Memory that nobody but the program can read, mapped, and its descriptor.
#include "workload.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

int main(void)
{
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (fd < 0)
        skip("memfd_secret: %s\n", strerror(errno));
    check_equal(fd, 3, "the descriptor");
    check(ftruncate(fd, 8192) == 0, "ftruncate");
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (area == MAP_FAILED)
        skip("mmap of secret memory: %s\n", strerror(errno));
    area[5000] = 's';
    ready();
    wait_for_go();
    check_equal(area[5000], 's', "memory after a refused dump");
    pass();
}
