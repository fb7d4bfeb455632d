// without: pipes-data.size
// Pipes made larger and smaller, full to the last byte.
#include "workload.h"

static const int sizes[] = {4096, 65536, 1 << 20};

int main(void)
{
    static char block[1 << 20];
    int ends[3][2];
    size_t filled[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) {
        check(pipe2(ends[i], O_NONBLOCK) == 0 && fcntl(ends[i][1], F_SETPIPE_SZ, sizes[i]) == sizes[i],
              "set-up");
        memset(block, 'a' + i, sizeof block);
        for (ssize_t done; (done = write(ends[i][1], block, sizeof block)) > 0;)
            filled[i] += done;
        check_equal(filled[i], sizes[i], "set-up");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < 3; ++i) {
        check_equal(fcntl(ends[i][0], F_GETPIPE_SZ), sizes[i], "the size of a pipe");
        check(write(ends[i][1], "x", 1) == -1 && errno == EAGAIN, "a full pipe has room");
        size_t there = 0;
        for (ssize_t done; (done = read(ends[i][0], block, sizeof block)) > 0; there += done)
            check(block[0] == 'a' + i && block[done - 1] == 'a' + i, "the content of a full pipe");
        check_equal(there, filled[i], "the bytes in a full pipe");
    }
    pass();
}
