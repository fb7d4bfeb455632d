// dump-options: --share-pages
// modes: plain, running, pipeline, rounds
// without: pagemap.cr_of, pagemap.cr_at
// Memory that tasks share copy-on-write, stored once: between parent and children, between children only, changed
// here and there, and moved to another address by one of them.
#include "workload.h"
#include <sys/prctl.h>

enum { kPages = 512, kPage = 4096, kChildren = 3 };

static unsigned char *area, *between;

static unsigned char value(int page) { return (unsigned char)(page % 200 + 1); }

static unsigned char theirs(int page, int child) { return page % 50 == child ? (unsigned char)(0xd0 + child) : value(page); }

static void fill(unsigned char *to, int add)
{
    for (int page = 0; page < kPages; ++page)
        for (int at = 0; at < kPage; ++at)
            to[page * kPage + at] = (unsigned char)(value(page) + add * at);
}

static void check_between(const unsigned char *here)
{
    for (int page = 0; page < kPages; ++page)
        for (int at = 0; at < kPage; at += 61)
            check_equal(here[page * kPage + at], (unsigned char)(value(page) + at), "memory of children only");
}

static void child(int number)
{
    for (int page = number; page < kPages; page += 50)
        memset(area + page * kPage, 0xd0 + number, kPage);
    if (number == 1) {
        void *to = mmap(NULL, kPages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        between = mremap(between, kPages * kPage, kPages * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        check(between == to, "set-up: mremap");
    }
    child_ready();
    wait_for_go();
    for (int page = 0; page < kPages; ++page)
        for (int at = 0; at < kPage; at += 61)
            check_equal(area[page * kPage + at], theirs(page, number), "the child's memory");
    check_between(between);
    between[0] = 1;
    area[kPage] = 1;
}

static void first(void) { child(0); }
static void second(void) { child(1); }
static void third(void) { child(2); }

static void family(void)
{
    fill(between, 1);
    pid_t pids[kChildren] = {start_child(first), start_child(second), start_child(third)};
    memset(between, 0, kPages * kPage);
    child_ready();
    wait_for_go();
    for (int at = 0; at < kPages * kPage; at += 61)
        check_equal(between[at], 0, "the memory of their parent");
    for (int i = 0; i < kChildren; ++i)
        child_passed(pids[i]);
}

int main(void)
{
    area = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    between = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED && between != MAP_FAILED, "mmap");
    fill(area, 0);
    pid_t pid = start_child(family);
    ready();
    wait_for_go();
    for (int page = 0; page < kPages; ++page)
        for (int at = 0; at < kPage; at += 61)
            check_equal(area[page * kPage + at], value(page), "the first one's memory");
    child_passed(pid);
    pass();
}
