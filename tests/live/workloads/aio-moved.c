// A ring that the program has moved, which gives its context another name; one behind an earlier one that was
// destroyed; and a child that sees its parent's ring without having the context.
#include "aio.h"

static aio_context_t moved;

static void look_on(void)
{
    child_ready();
    wait_for_go();
    check_equal(ring_of(moved)->magic, 0xa10a10a1, "the mark of the parent's ring");
    check_equal(ring_of(moved)->tail, 1, "its end");
}

int main(void)
{
    aio_context_t gone = aio_setup(1), protected = aio_setup(20);
    moved = aio_setup(20);
    int fd = open("/dev/zero", O_RDONLY);
    check(fd >= 0, "/dev/zero");
    size_t size = 4096;
    char *to = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(to != MAP_FAILED, "mmap");
    check(mremap((void *)moved, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to + size) == to + size, "mremap");
    moved = (uintptr_t)to + size;
    check(syscall(SYS_io_destroy, gone) == 0, "io_destroy");
    aio_submit_short(moved, fd, 1);
    aio_submit_short(protected, fd, 2);
    check(mprotect((void *)protected, size, PROT_READ) == 0, "mprotect");
    pid_t child = start_child(look_on);
    ready();
    wait_for_go();
    aio_expect(moved, 1, 1);
    aio_expect_none(moved);
    check(mprotect((void *)protected, size, PROT_READ | PROT_WRITE) == 0, "mprotect");
    aio_expect(protected, 2, 1);
    child_passed(child);
    pass();
}
