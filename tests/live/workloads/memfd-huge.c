// differs: */status/HugetlbPages
// without: memfd.hugetlb_flag
// A memfd of explicitly huge pages. The test reserves some pages of 2 MiB for itself.
#include "workload.h"

static const char *kPool = "/proc/sys/vm/nr_hugepages";

static int reserve(int change)
{
    FILE *file = fopen(kPool, "r+");
    int now = 0, got = 0;
    if (!file || fscanf(file, "%d", &now) != 1)
        return -1;
    rewind(file);
    fprintf(file, "%d\n", now + change);
    fclose(file);
    file = fopen(kPool, "r");
    if (!file || fscanf(file, "%d", &got) != 1)
        return -1;
    fclose(file);
    return got - now;
}

int main(void)
{
    int got = reserve(4);
    if (got < 4) {
        reserve(-got);
        skip("no huge pages can be reserved in %s\n", kPool);
    }
    int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
    char *area = fd < 0 || ftruncate(fd, 4 << 20)
                     ? MAP_FAILED
                     : mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (area == MAP_FAILED) {
        reserve(-4);
        skip("huge pages: %s\n", strerror(errno));
    }
    area[1] = 'a';
    area[3 << 20] = 'b';
    ready();
    wait_for_go();
    reserve(-4);
    check_equal(area[1], 'a', "the first page");
    check_equal(area[3 << 20], 'b', "the second page");
    struct stat st;
    check(fstat(fd, &st) == 0 && st.st_blksize == 2 << 20, "pages of another size");
    area[5] = 'x';
    char byte;
    check(pread(fd, &byte, 1, 5) == 1 && byte == 'x', "one file");
    pass();
}
