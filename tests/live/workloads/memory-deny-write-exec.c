// without: mm.cr_mdwe
// No memory may become executable (PR_SET_MDWE).
#include "workload.h"

enum { kSetMdwe = 65, kGetMdwe = 66, kRefuseExecGain = 1 };

static void child(void)
{
    child_ready();
    wait_for_go();
    check_equal(prctl(kGetMdwe, 0, 0, 0, 0), kRefuseExecGain, "the child's denial");
    pass();
}

int main(void)
{
    void *code = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0) != 0)
        skip("no PR_SET_MDWE");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(prctl(kGetMdwe, 0, 0, 0, 0), kRefuseExecGain, "the denial");
    check(mprotect(code, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EACCES,
          "memory can become executable");
    child_passed(pid);
    pass();
}
