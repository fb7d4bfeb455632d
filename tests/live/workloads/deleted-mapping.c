// without: remap-fpath.orig_id
// Mapped files that have no name any more, shared and private, one of them the program itself.
#include "workload.h"

enum { kSize = 8192 };

static char *map(const char *name, int flags)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(ftruncate(fd, kSize) == 0 && pwrite(fd, "first", 5, 0) == 5, "set-up");
    char *at = mmap(NULL, kSize, PROT_READ | PROT_WRITE, flags, fd, 0);
    check(at != MAP_FAILED && close(fd) == 0, "mmap");
    return at;
}

int main(void)
{
    char *shared = map("shared", MAP_SHARED), *private = map("private", MAP_PRIVATE);
    int fd = open("shared", O_RDWR | O_CLOEXEC);
    check(unlink("shared") == 0 && unlink("private") == 0, "unlink");
    shared[4097] = 'z';
    private[4098] = 'y';
    char byte = 0;
    ready();
    wait_for_go();
    check_equal(shared[4097], 'z', "what was written to the shared one");
    check(memcmp(shared, "first", 5) == 0 && memcmp(private, "first", 5) == 0, "what was in the files");
    check_equal(private[4098], 'y', "what was written to the private one");
    shared[1] = 'x';
    check(pread(fd, &byte, 1, 1) == 1 && byte == 'x', "the mapping and the descriptor are one file");
    check(access("shared", F_OK) == -1 && access("private", F_OK) == -1, "a file got a name");
    pass();
}
