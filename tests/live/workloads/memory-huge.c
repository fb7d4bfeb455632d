// differs: */status/HugetlbPages
// Memory of explicitly huge pages (MAP_HUGETLB): private, shared with a child, and a private page of a
// child's own. The test reserves some pages of 2 MiB for itself.
#include "hugepages.h"

#define HUGE ((size_t)2 << 20)

static char *shared, *private;

static void child(void)
{
    private[HUGE + 1] = 'k';
    shared[1] = 'c';
    child_ready();
    wait_for_go();
    while (shared[2] != 'p')
        sleep_ms(1);
    shared[1] = private[HUGE + 1] == 'k' && private[5] == 'o' ? 'd' : 'x';
    _exit(0);
}

static char *map(int flags, size_t pages)
{
    char *at = mmap(NULL, pages * HUGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
    if (at == MAP_FAILED) {
        change_pool(-12);
        skip("huge pages: %s\n", strerror(errno));
    }
    return at;
}

int main(void)
{
    take_huge_pages(12);
    shared = map(MAP_SHARED, 2);
    private = map(MAP_PRIVATE, 2);
    private[5] = 'o';
    private[HUGE + 1] = 'q';
    shared[HUGE + 7] = 's';
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    change_pool(-12); // what is in use goes when we do
    check_equal(private[5], 'o', "a private page");
    check_equal(private[HUGE + 1], 'q', "a private page that the child has changed");
    check_equal(shared[HUGE + 7], 's', "a shared page");
    check_equal(shared[1], 'c', "what the child wrote");
    shared[2] = 'p';
    check(waitpid(pid, NULL, 0) == pid, "wait");
    check_equal(shared[1], 'd', "what the child has, and writes afterwards");
    pass();
}
