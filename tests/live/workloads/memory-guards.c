// without: mm.cr_guards
// Guard pages (MADV_GUARD_INSTALL): among pages with contents, in an area without any, in a child that took
// one away, beside locked memory, in shared memory and in mapped files. What was no guard stays accessible.
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { kInstall = 102, kRemove = 103, kPage = 4096, kPages = 16 };

// The kernel's answer instead of a fault.
static int accessible(const char *page)
{
    char byte;
    struct iovec to = {&byte, 1}, from = {(void *)page, 1};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

static char *map(void)
{
    char *area = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    return area;
}

static char *map_own_file(void)
{
    int fd = open("guarded", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0 && ftruncate(fd, kPages * kPage) == 0, "file");
    char *area = mmap(NULL, kPages * kPage, PROT_READ, MAP_PRIVATE, fd, 0);
    check(area != MAP_FAILED, "mmap of the file");
    close(fd);
    return area;
}

static void guard(char *area, int page, int count)
{
    if (madvise(area + page * kPage, (size_t)count * kPage, kInstall) != 0 && errno == EINVAL)
        skip("the kernel has no guard pages");
}

static void expect(const char *area, unsigned guards)
{
    for (int i = 0; i < kPages; ++i)
        check_equal(accessible(area + i * kPage), !(guards >> i & 1), "page is accessible");
}

int main(void)
{
    char *full = map(), *empty = map(), *locked = map();
    memset(full, 5, kPages * kPage);
    guard(full, 3, 2);
    guard(full, 9, 1);
    guard(empty, 0, 1);
    guard(locked, 15, 1);
    memset(locked, 6, kPage);
    mlock(locked, kPages * kPage);
    char *shared = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(shared != MAP_FAILED, "mmap");
    memset(shared, 7, kPages * kPage);
    int in_files = madvise(shared + 2 * kPage, kPage, kInstall) == 0; // since 6.15
    char *file = map_own_file();
    check(!in_files || madvise(file + kPage, kPage, kInstall) == 0, "guard in a file");
    int steps[2];
    check(pipe(steps) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        check(madvise(full + 9 * kPage, kPage, kRemove) == 0, "remove");
        guard(full, 0, 1);
        check(write(steps[1], "c", 1) == 1, "write");
        wait_for_go();
        expect(full, 1u << 0 | 1u << 3 | 1u << 4);
        expect(empty, 1);
        check_equal(full[5 * kPage], 5, "contents");
        _exit(0);
    }
    char byte;
    check(read(steps[0], &byte, 1) == 1, "read");
    ready();
    wait_for_go();
    expect(full, 1u << 3 | 1u << 4 | 1u << 9);
    expect(empty, 1);
    expect(locked, 1u << 15);
    if (in_files) {
        expect(shared, 1u << 2);
        expect(file, 1u << 1);
    }
    check_equal(shared[3 * kPage], 7, "contents");
    check_equal(full[0], 5, "contents");
    check_equal(locked[0], 6, "contents");
    int status;
    check(waitpid(child, &status, 0) == child && status == 0, "child");
    pass();
}
