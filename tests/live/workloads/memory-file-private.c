// without: mm.vmas.pgoff, mm.vmas.shmid
// A private file mapping: pages written to are the program's own, the others are still the file's.
#include "workload.h"

enum { kPages = 8, kPage = live_page };

int main(void)
{
    char byte;
    int fd = file_of_letters("mapped", kPages);
    unsigned char *area = mmap(NULL, 6 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 2 * kPage);
    check(area != MAP_FAILED, "mmap");
    check(((volatile unsigned char *)area)[0] == 'c', "set-up");
    area[1 * kPage] = 'X';
    area[4 * kPage + 9] = 'Y';
    ready();
    wait_for_go();
    check(area[1 * kPage] == 'X' && area[1 * kPage + 1] == 'd', "a page written to");
    check(area[4 * kPage + 9] == 'Y' && area[4 * kPage] == 'g', "a page written to");
    check(area[0] == 'c' && area[2 * kPage] == 'e' && area[5 * kPage + 4095] == 'h', "a page of the file");
    check(pread(fd, &byte, 1, 3 * kPage) == 1 && byte == 'd', "the file was written to");
    check(pwrite(fd, "Z", 1, 5 * kPage) == 1 && pwrite(fd, "Z", 1, 6 * kPage + 9) == 1, "pwrite");
    check_equal(area[3 * kPage], 'Z', "a page that was not written to is not the file's any more");
    check_equal(area[4 * kPage + 9], 'Y', "a page written to is the file's again");
    pass();
}
