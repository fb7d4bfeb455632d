// modes: none, plain, running, pre-dump, rounds
// differs: */area/*, */count/areas, */stat/vsize, */status/VmSize, */status/VmData, */status/VmPTE
// Pieces of 2 MiB that change places all the time: the kernel moves whole tables of pages then, without a look at the
// pages, of which none is ever written.
#include "workload.h"

#include <stdlib.h>

enum { PIECES = 4, PAGE = 4096, STEP = 16 * PAGE };
#define SIZE (2ul << 20)

static char *area;
static int who[PIECES]; // which piece is there

static char *piece(int n) { return area + (unsigned long)n * SIZE; }

static void move(char *from, char *to)
{
    check(mremap(from, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "mremap");
}

static void swap(int a, int b)
{
    move(piece(a), piece(PIECES));
    move(piece(b), piece(a));
    move(piece(PIECES), piece(b));
    int other = who[a];
    who[a] = who[b];
    who[b] = other;
}

static void check_all(void)
{
    for (int n = 0; n < PIECES; n++)
        for (unsigned long at = 0; at < SIZE; at += STEP)
            check(*(volatile int *)(piece(n) + at) == who[n] + 1, "a page of another piece");
}

int main(void)
{
    size_t room = (PIECES + 2) * SIZE;
    char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(all != MAP_FAILED && madvise(all, room, MADV_NOHUGEPAGE) == 0, "mmap");
    area = (char *)(((uintptr_t)all + SIZE - 1) & ~(SIZE - 1));
    for (int n = 0; n < PIECES; n++) {
        who[n] = n;
        for (unsigned long at = 0; at < SIZE; at += STEP)
            *(int *)(piece(n) + at) = n + 1;
    }
    ready();
    const char *go = live_path("LIVE_GO");
    unsigned seed = 1;
    while (access(go, F_OK) != 0) {
        int a = rand_r(&seed) % PIECES;
        swap(a, (a + 1 + rand_r(&seed) % (PIECES - 1)) % PIECES);
        check_all();
        sleep_ms(1);
    }
    check_all();
    pass();
}
