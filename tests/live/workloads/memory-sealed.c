// without: mm.vmas.cr_flags
// Areas that may not be changed any more (mseal), of a process and of its child.
#include "workload.h"

enum { kSize = 64 * 1024 };

static char *sealed, *code;

static void is_sealed(void)
{
    check(mprotect(sealed, kSize, PROT_READ | PROT_WRITE) == -1 && errno == EPERM, "it can be changed");
    check(munmap(code, kSize) == -1 && errno == EPERM, "it can be unmapped");
    check(mprotect(sealed + kSize, kSize, PROT_READ) == 0, "the area beside is sealed");
    check_equal(sealed[100], 3, "contents");
}

static void child(void)
{
    child_ready();
    wait_for_go();
    is_sealed();
    pass();
}

int main(void)
{
    sealed = mmap(NULL, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(sealed, 3, 2 * kSize);
    code = mmap(NULL, kSize, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mprotect(sealed, kSize, PROT_READ) == 0, "mprotect");
    if (syscall(462 /* mseal */, sealed, kSize, 0) != 0)
        skip("no mseal");
    check(syscall(462, code, kSize, 0) == 0, "mseal");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    is_sealed();
    child_passed(pid);
    pass();
}
