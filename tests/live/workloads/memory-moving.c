// modes: none, plain, running, pre-dump, rounds
// differs: */area/*, */count/areas, */stat/vsize, */status/RssAnon, */status/VmSize, */status/VmData, */status/VmPTE
// Memory that is written, given back, replaced, moved and handed to children all the time, beside a list of
// what each page must hold. A dump that takes a changed page for an unchanged one shows as a page of the past.
#include "workload.h"

#include <stdlib.h>
#include <sys/wait.h>

enum { kPages = 1024, kPage = 4096, kRun = 16 };

static char *area, *aside;
static uint64_t expected[kPages], step;

static volatile uint64_t *word(long page) { return (volatile uint64_t *)(area + page * kPage + 16); }

static void put(long page, uint64_t value)
{
    *word(page) = value;
    expected[page] = value;
}

static void forget(long page)
{
    for (long i = page; i < page + kRun; i++)
        expected[i] = 0;
}

// The pages of a run move away, to where they are written, and back.
static void move_run(long page)
{
    char *at = area + page * kPage;
    check(mremap(at, kRun * kPage, kRun * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, aside) == aside, "mremap");
    *(volatile uint64_t *)(aside + 16) = step;
    check(mremap(aside, kRun * kPage, kRun * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at, "mremap back");
    expected[page] = step;
}

static void replace_run(long page)
{
    char *at = area + page * kPage;
    check(munmap(at, kRun * kPage) == 0, "munmap");
    check(mmap(at, kRun * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at,
          "mmap");
    forget(page);
    put(page + 1, step);
}

// A child that has them copy-on-write, and writes.
static void fork_over(long page)
{
    pid_t child = fork();
    if (child == 0) {
        *word(page) = ~step;
        _exit(0);
    }
    put(page, step);
    int status;
    check(waitpid(child, &status, 0) == child && status == 0, "child");
}

static void one_step(void)
{
    static unsigned seed = 1;
    step++;
    long page = rand_r(&seed) % (kPages / kRun) * kRun;
    switch (rand_r(&seed) % 24) {
    case 0:
        move_run(page);
        break;
    case 1:
        replace_run(page);
        break;
    case 2:
        check(madvise(area + page * kPage, kRun * kPage, MADV_DONTNEED) == 0, "madvise");
        forget(page);
        put(page + 2, step);
        break;
    default:
        put(page + rand_r(&seed) % kRun, step);
    }
    if (step % 512 == 0)
        fork_over(page);
}

static void check_all(void)
{
    for (long page = 0; page < kPages; page++)
        check(*word(page) == expected[page], "a page is of another time");
}

int main(void)
{
    area = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    aside = mmap(NULL, kRun * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(area != MAP_FAILED && aside != MAP_FAILED, "mmap");
    for (long page = 0; page < kPages; page++)
        put(page, page + 1);
    ready();
    const char *go = live_path("LIVE_GO");
    while (access(go, F_OK) != 0) {
        for (int i = 0; i < 20; i++)
            one_step();
        check_all();
        sleep_ms(1);
    }
    check_all();
    pass();
}
