// without: remap-fpath.remap_type, fifo-data.bytes
// A named pipe without its name, with content.
#include "workload.h"

int main(void)
{
    char text[8] = "";
    check(mkfifo("gone", 0640) == 0, "mkfifo");
    int reader = open("gone", O_RDONLY | O_NONBLOCK | O_CLOEXEC), writer = open("gone", O_WRONLY | O_CLOEXEC);
    check(write(writer, "abc", 3) == 3 && unlink("gone") == 0, "set-up");
    ready();
    wait_for_go();
    struct stat st;
    check(read(reader, text, sizeof text) == 3 && memcmp(text, "abc", 3) == 0, "content");
    check(write(writer, "x", 1) == 1 && read(reader, text, 1) == 1 && text[0] == 'x', "the two ends");
    check(fstat(reader, &st) == 0, "fstat");
    check_equal(st.st_mode, S_IFIFO | 0640, "the mode");
    check(access("gone", F_OK) == -1, "it got a name");
    pass();
}
