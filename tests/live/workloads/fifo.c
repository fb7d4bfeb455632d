// without: files.fifo.pipe_id, files.fifo.regf_id, fifo-data.bytes
// Named pipes: both ends with content between them, one opened for both, one whose writer has gone.
#include "workload.h"

int main(void)
{
    char text[16] = "";
    check(mkfifo("pair", 0644) == 0 && mkfifo("both", 0644) == 0 && mkfifo("half", 0644) == 0, "mkfifo");
    int reader = open("pair", O_RDONLY | O_NONBLOCK | O_CLOEXEC), writer = open("pair", O_WRONLY | O_CLOEXEC);
    int both = open("both", O_RDWR | O_CLOEXEC);
    int half = open("half", O_RDONLY | O_NONBLOCK | O_CLOEXEC), gone = open("half", O_WRONLY | O_CLOEXEC);
    check(reader >= 0 && writer >= 0 && both >= 0 && half >= 0 && gone >= 0, "open");
    check(write(writer, "abc", 3) == 3 && write(both, "defg", 4) == 4 && write(gone, "hi", 2) == 2, "write");
    close(gone);
    int flags = fcntl(reader, F_GETFL);
    ready();
    wait_for_go();
    check_equal(fcntl(reader, F_GETFL), flags, "the flags of the reader");
    check(read(reader, text, sizeof text) == 3 && memcmp(text, "abc", 3) == 0, "content between two ends");
    check(write(writer, "x", 1) == 1 && read(reader, text, sizeof text) == 1, "the two ends");
    check(read(both, text, sizeof text) == 4 && memcmp(text, "defg", 4) == 0,
          "content of a descriptor for both");
    check(read(half, text, sizeof text) == 2 && memcmp(text, "hi", 2) == 0, "content whose writer has gone");
    check_equal(read(half, text, sizeof text), 0, "the end of what has no writer");
    int late = open("pair", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    check(late >= 0 && write(late, "y", 1) == 1 && read(reader, text, 1) == 1 && text[0] == 'y',
          "opened again by name");
    pass();
}
