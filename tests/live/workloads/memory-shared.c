// without: mm.vmas.shmid, mm.vmas.flags
// Anonymous memory shared by parent, child and grandchild: still one memory, with its contents.
#include "workload.h"

enum { kPages = 16, kPage = 4096 };

static unsigned *shared;

static void grandchild(void)
{
    child_ready();
    wait_for_go();
    check_equal(shared[1024], 0xcafe, "contents, in the grandchild");
    while (__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) != 2)
        sleep_ms(1);
    __atomic_store_n(&shared[0], 3, __ATOMIC_SEQ_CST);
}

static void child(void)
{
    pid_t pid = start_child(grandchild);
    child_ready();
    wait_for_go();
    while (__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) != 1)
        sleep_ms(1);
    __atomic_store_n(&shared[0], 2, __ATOMIC_SEQ_CST);
    child_passed(pid);
}

int main(void)
{
    shared = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(shared != MAP_FAILED, "mmap");
    shared[1024] = 0xcafe;
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(shared[0], 0, "contents");
    __atomic_store_n(&shared[0], 1, __ATOMIC_SEQ_CST);
    child_passed(pid);
    check_equal(shared[0], 3, "what the others wrote");
    pass();
}
