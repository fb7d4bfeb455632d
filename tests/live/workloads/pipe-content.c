// without: pipes-data.bytes, pipes-data.pipe_id, files.pipe.pipe_id
// Bytes that wait in a pipe are still there, once.
#include "workload.h"

int main(void)
{
    int ends[2];
    char text[64];
    check(pipe(ends) == 0 && write(ends[1], "hello ", 6) == 6 && write(ends[1], "world", 5) == 5, "set-up");
    ready();
    wait_for_go();
    check(write(ends[1], "!", 1) == 1 && close(ends[1]) == 0, "the writing end");
    check_equal(read(ends[0], text, sizeof text), 12, "the bytes in the pipe");
    check(memcmp(text, "hello world!", 12) == 0, "the content of the pipe");
    check_equal(read(ends[0], text, sizeof text), 0, "the end of the pipe");
    pass();
}
