// refused: deleted|unlinked|no.name
// A mapped file that has no name any more.
#include "workload.h"

int main(void)
{
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(ftruncate(fd, 8192) == 0, "set-up");
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(area != MAP_FAILED && close(fd) == 0 && unlink("data") == 0, "set-up");
    area[4097] = 'z';
    ready();
    wait_for_go();
    check_equal(area[4097], 'z', "memory after a refused dump");
    pass();
}
