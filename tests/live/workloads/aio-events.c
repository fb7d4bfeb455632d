// without: mm.aios
// Events that nobody has read: at the begin of a ring, in its middle, across its end; and a ring that is full.
#include "aio.h"

static const struct {
    uint32_t read, unread; // 0: as many as there is room for
} kCases[] = {{0, 3}, {40, 7}, {120, 20}, {200, 0}};
enum { CASES = sizeof kCases / sizeof kCases[0] };

int main(void)
{
    aio_context_t contexts[CASES];
    uint32_t unread[CASES], tail[CASES];
    int fd = open("/dev/zero", O_RDONLY);
    check(fd >= 0, "/dev/zero");
    // What a CPU has put aside for itself another one cannot have: the full ring is filled by one.
    cpu_set_t all, one;
    check(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    check(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
    for (int i = 0; i < CASES; i++) {
        contexts[i] = aio_setup(60);
        uint32_t n = 0, nr = ring_of(contexts[i])->nr;
        for (; n < kCases[i].read; n++) {
            aio_submit_short(contexts[i], fd, n);
            aio_expect(contexts[i], n, 1);
        }
        while (!kCases[i].unread || n < kCases[i].read + kCases[i].unread) {
            if (aio_try_short(contexts[i], fd, n) != 1) {
                check(errno == EAGAIN && n - kCases[i].read > nr / 2, "the ring is full too early");
                break;
            }
            n++;
        }
        unread[i] = n - kCases[i].read;
        tail[i] = ring_of(contexts[i])->tail;
        check_equal(tail[i], n % nr, "the end of the ring");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < CASES; i++) {
        uint32_t nr = ring_of(contexts[i])->nr, next = kCases[i].read;
        check_equal(ring_of(contexts[i])->head, next % nr, "the first event");
        check_equal(ring_of(contexts[i])->tail, tail[i], "the end of the ring");
        int added = aio_try_short(contexts[i], fd, next + unread[i]); // behind those
        check_equal(added, kCases[i].unread ? 1 : -1, "whether there is room for one more");
        for (uint32_t end = next + unread[i] + (added == 1); next < end; next++)
            aio_expect(contexts[i], next, 1);
        aio_expect_none(contexts[i]);
        for (uint32_t n = 0; n < 2 * nr; n++) {
            aio_submit_short(contexts[i], fd, n);
            aio_expect(contexts[i], n, 1);
        }
    }
    pass();
}
