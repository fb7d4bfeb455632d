// without: core.thread_core.cr_numa, mm.vmas.cr_numa
// NUMA policies: of threads (set_mempolicy), different in each, and of areas (mbind), private and shared.
#include "workload.h"

enum {
    kSize = 64 * 1024,
    kDefault = 0,
    kPreferred = 1,
    kBind = 2,
    kInterleave = 3,
    kStatic = 1 << 15,
    kAddr = 2
};

static volatile int set_up;

static void is_policy(int mode, void *at, const char *text)
{
    int got = -1;
    unsigned long nodes[16] = {0};
    check(syscall(SYS_get_mempolicy, &got, nodes, 1024, at, at ? kAddr : 0) == 0, "get_mempolicy");
    check_equal(got, mode, text);
    check_equal(nodes[0], mode != kDefault, text);
}

static void *thread(void *unused)
{
    unsigned long nodes = 1;
    check(syscall(SYS_set_mempolicy, kInterleave, &nodes, 64) == 0, "set_mempolicy");
    set_up = 1;
    wait_for_go();
    is_policy(kInterleave, NULL, "the thread's policy");
    return unused;
}

static char *area(int shared)
{
    char *at = mmap(NULL, kSize * 3, PROT_READ | PROT_WRITE,
                    (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    check(at != MAP_FAILED, "mmap");
    memset(at, 7, kSize * 3);
    unsigned long nodes = 1;
    check(syscall(SYS_mbind, at + kSize, kSize, kBind | kStatic, &nodes, 64, 0) == 0, "mbind");
    return at;
}

int main(void)
{
    int mode;
    if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) != 0)
        skip("no memory policies");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    char *areas[2] = {area(0), area(1)};
    unsigned long nodes = 1;
    check(syscall(SYS_set_mempolicy, kPreferred, &nodes, 64) == 0, "set_mempolicy");
    ready();
    wait_for_go();
    is_policy(kPreferred, NULL, "the leader's policy");
    for (int i = 0; i < 2; ++i) {
        is_policy(kDefault, areas[i], "the policy of an area before the one with its own");
        is_policy(kBind | kStatic, areas[i] + kSize, "the policy of an area");
        is_policy(kDefault, areas[i] + 2 * kSize, "the policy of an area after the one with its own");
    }
    join_thread(other);
    pass();
}
