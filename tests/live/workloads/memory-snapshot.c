// modes: none, plain, running, snapshot, pre-dump, rounds
// differs: */status/RssAnon
// (large pages that parent and child shared come back as theirs alone)
// Two copies of a counter in pages far apart, and two more in memory that is shared with a child which writes
// them as well: at no instant may a later copy be ahead of an earlier one, or more than one step behind, nor
// in any image of it. All pages of a large area change without end; what one pass wrote to the last page it
// wrote to the first one before.
#include "workload.h"

enum { kPages = 4096, kPage = 4096, kEveryN = 64 };

static volatile uint64_t *word(char *area, long page)
{
    return (volatile uint64_t *)(area + page * kPage + 8);
}

// Everything in the order it is written by count(): never increasing, over at most one step.
static void check_order(char *area)
{
    uint64_t first = *word(area, 0), before = first;
    for (long page = kEveryN; page < kPages; page += kEveryN) {
        uint64_t now = *word(area, page);
        check(now == before || now + 1 == before, "a page is from another time than the one before");
        before = now;
    }
    check(first - before <= 1, "the last page is from another time than the first");
}

static void count(char *area)
{
    uint64_t next = *word(area, 0) + 1;
    for (long page = 0; page < kPages; page += kEveryN)
        *word(area, page) = next;
}

static void finish(char *area)
{
    uint64_t goal = *word(area, 0);
    for (long page = 0; page < kPages; page += kEveryN)
        *word(area, page) = goal;
}

struct turns {
    volatile uint64_t turn;
    char apart[16 * kPage - 8];
    volatile uint64_t counts[2];
};

static char *parent_private, *child_private, *stop;
static struct turns *shared;

// One step of one of the two, when it is its turn: privately, then told by the shared memory.
static void step(int me, char *mine)
{
    if (shared->turn % 2 != (uint64_t)me)
        return;
    count(mine);
    shared->counts[me] = *word(mine, 0);
    shared->turn++;
}

static char *area(int flags)
{
    char *out = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    check(out != MAP_FAILED, "mmap");
    memset(out, 1, kPages * kPage);
    for (long page = 0; page < kPages; page++)
        *word(out, page) = 1;
    return out;
}

// The counter of each is one ahead of the shared one at most, and only while it has the turn.
static void check_told(int me, char *mine)
{
    uint64_t own = *word(mine, 0), told = shared->counts[me];
    check(own == told || own == told + 1, "private and shared memory are of different times");
}

static void be_child(void)
{
    child_private = area(MAP_PRIVATE);
    child_ready();
    while (!*(volatile char *)stop) {
        check_order(child_private);
        check_told(1, child_private);
        finish(child_private);
        step(1, child_private);
        sched_yield();
    }
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(shared != MAP_FAILED, "mmap");
    shared->counts[0] = shared->counts[1] = 1;
    parent_private = area(MAP_PRIVATE);
    stop = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(stop != MAP_FAILED, "mmap");
    pid_t child = start_child(be_child);
    ready();
    const char *go = live_path("LIVE_GO");
    long long busy_until = 0;
    while (access(go, F_OK) != 0) {
        check_order(parent_private);
        check_told(0, parent_private);
        finish(parent_private);
        step(0, parent_private);
        if (now_ms() > busy_until) { // not all of a processor all the time
            sleep_ms(2);
            busy_until = now_ms() + 1;
        }
    }
    check_order(parent_private);
    *(volatile char *)stop = 1;
    child_passed(child);
    pass();
}
