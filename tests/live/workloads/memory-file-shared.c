// without: mm.vmas.flags, mm.vmas.shmid
// A shared file mapping, writable in one place and read-only in another, is the file.
#include "workload.h"

enum { kPage = 4096 };

int main(void)
{
    static char page[3 * kPage];
    char byte = 0;
    int fd = open("mapped", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(write(fd, page, sizeof page) == sizeof page, "set-up");
    char *writable = mmap(NULL, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, kPage);
    close(fd);
    fd = open("mapped", O_RDONLY | O_CLOEXEC);
    char *readable = mmap(NULL, 3 * kPage, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    check(writable != MAP_FAILED && readable != MAP_FAILED, "mmap");
    writable[5] = 'a';
    ready();
    wait_for_go();
    check_equal(readable[kPage + 5], 'a', "what was written before");
    writable[kPage + 6] = 'b';
    check_equal(readable[2 * kPage + 6], 'b', "what one mapping writes and the other reads");
    fd = open("mapped", O_RDWR | O_CLOEXEC);
    check(pread(fd, &byte, 1, 2 * kPage + 6) == 1 && byte == 'b',
          "the file does not have what the mapping wrote");
    check(pwrite(fd, "c", 1, kPage) == 1, "pwrite");
    check_equal(writable[0], 'c', "the mapping does not have what the file got");
    check(mprotect(readable, kPage, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
          "a read-only file became writable");
    pass();
}
