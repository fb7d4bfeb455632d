// without: mm.vmas.prot
// Protections, and the contents of pages that may not be read; code on anonymous pages runs.
#include "workload.h"

enum { kPage = 4096 };

// Whether the kernel can read from an address for us, with no signal.
static int readable(const void *address) { return access(address, F_OK) != -1 || errno != EFAULT; }

static int writable(void *address)
{
    int ends[2];
    check(pipe(ends) == 0 && write(ends[1], "w", 1) == 1, "pipe");
    int result = read(ends[0], address, 1) == 1;
    close(ends[0]), close(ends[1]);
    return result;
}

int main(void)
{
    static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
                                      PROT_EXEC};
    unsigned char *area = mmap(NULL, 5 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED, "mmap");
    for (int i = 0; i < 5; ++i) {
        memset(area + i * kPage, 'a' + i, kPage);
        memcpy(area + i * kPage + 100, "\xb8\x39\x05\x00\x00\xc3", 6); // mov $1337, %eax; ret
        check(mprotect(area + i * kPage, kPage, protections[i]) == 0, "mprotect");
    }
    ready();
    wait_for_go();
    check(!readable(area), "PROT_NONE memory can be read");
    check(readable(area + kPage) && !writable(area + kPage), "the access to read-only memory");
    check(writable(area + 2 * kPage), "the access to writable memory");
    check(readable(area + 3 * kPage) && !writable(area + 3 * kPage), "the access to code");
    check(!writable(area + 4 * kPage), "execute-only memory can be written to");
    check_equal(((int (*)(void))(area + 3 * kPage + 100))(), 1337, "code on an anonymous page");
    check_equal(((int (*)(void))(area + 4 * kPage + 100))(), 1337, "code on an execute-only page");
    check(mprotect(area, 5 * kPage, PROT_READ | PROT_WRITE) == 0, "mprotect");
    for (int i = 0; i < 5; ++i)
        check_equal(area[i * kPage + 7], i == 2 ? 'c' : 'a' + i, "contents");
    pass();
}
