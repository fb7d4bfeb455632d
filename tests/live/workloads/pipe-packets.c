// without: pipes-data.cr_packets, files.pipe.flags
// A pipe that keeps what was written apart: packets that wait in it, and those that are written later.
#include "workload.h"

int main(void)
{
    int ends[2];
    char text[8192];
    memset(text, 'p', sizeof text);
    check(pipe2(ends, O_DIRECT | O_CLOEXEC | O_NONBLOCK) == 0, "set-up");
    check(write(ends[1], "one", 3) == 3 && write(ends[1], "four", 4) == 4, "set-up");
    check(write(ends[1], text, 6000) == 6000, "set-up"); // two
    ready();
    wait_for_go();
    check(write(ends[1], "12345", 5) == 5 && write(ends[1], "123456", 6) == 6, "write");
    static const int sizes[] = {3, 4, 4096, 1904, 5, 6};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        check_equal(read(ends[0], text, sizeof text), sizes[i], "the size of a packet");
    check(read(ends[0], text, sizeof text) == -1 && errno == EAGAIN, "one more packet");
    pass();
}
