// without: pagemap
// A heap in use: many blocks of many sizes with a checksum each, freed and allocated on after the restore.
#include "workload.h"

enum { kBlocks = 2000 };

static unsigned char *blocks[kBlocks];

static size_t size_of(int i) { return i % 97 == 0 ? 300000 : 16 + i * 7 % 3000; }

static void fill(int i)
{
    blocks[i] = malloc(size_of(i));
    check(blocks[i] != NULL, "malloc");
    for (size_t at = 0; at < size_of(i); at += 13)
        blocks[i][at] = i + at;
}

int main(void)
{
    for (int i = 0; i < kBlocks; ++i)
        fill(i);
    for (int i = 0; i < kBlocks; i += 3)
        free(blocks[i]);
    ready();
    wait_for_go();
    for (int i = 0; i < kBlocks; i += 3)
        fill(i);
    for (int i = 0; i < kBlocks; ++i) {
        for (size_t at = 0; at < size_of(i); at += 13)
            check_equal(blocks[i][at], (unsigned char)(i + at), "a byte on the heap");
        free(blocks[i]);
    }
    pass();
}
