// differs: */status/HugetlbPages
// A memfd of explicitly huge pages. The test reserves some pages of 2 MiB for itself.
#include "hugepages.h"

int main(void)
{
    take_huge_pages(4);
    int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
    char *area = fd < 0 || ftruncate(fd, 4 << 20)
                     ? MAP_FAILED
                     : mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (area == MAP_FAILED) {
        change_pool(-4);
        skip("huge pages: %s\n", strerror(errno));
    }
    area[1] = 'a';
    area[3 << 20] = 'b';
    ready();
    wait_for_go();
    change_pool(-4);
    check_equal(area[1], 'a', "the first page");
    check_equal(area[3 << 20], 'b', "the second page");
    struct stat st;
    check(fstat(fd, &st) == 0 && st.st_blksize == 2 << 20, "pages of another size");
    area[5] = 'x';
    char byte;
    check(pread(fd, &byte, 1, 5) == 1 && byte == 'x', "one file");
    pass();
}
