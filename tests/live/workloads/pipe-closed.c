// without: pipes-data.bytes
// Pipes of which one end is closed: what was written can be read and then it ends; nobody reads, so writing
// fails.
#include "workload.h"

int main(void)
{
    char text[16];
    int no_writer[2], no_reader[2], empty[2];
    signal(SIGPIPE, SIG_IGN);
    check(pipe(no_writer) == 0 && pipe(no_reader) == 0 && pipe(empty) == 0, "pipe");
    check(write(no_writer[1], "left over", 9) == 9 && write(no_reader[1], "lost", 4) == 4, "write");
    close(no_writer[1]), close(no_reader[0]), close(empty[1]);
    ready();
    wait_for_go();
    check_equal(read(no_writer[0], text, sizeof text), 9, "what was written before the end was closed");
    check(memcmp(text, "left over", 9) == 0, "the content");
    check_equal(read(no_writer[0], text, sizeof text), 0, "the end of the pipe");
    check_equal(read(empty[0], text, sizeof text), 0, "the end of an empty pipe");
    check(write(no_reader[1], "x", 1) == -1 && errno == EPIPE, "a pipe that nobody reads can be written to");
    pass();
}
