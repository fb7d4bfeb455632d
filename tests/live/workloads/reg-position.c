// without: files.reg.pos, files.reg.name, files.reg.flags
// A regular file keeps its position and its access mode.
#include "workload.h"

int main(void)
{
    char text[4] = "";
    int reader = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(write(reader, "abcdefgh", 8) == 8 && lseek(reader, 3, SEEK_SET) == 3, "set-up");
    int writer = open("data", O_WRONLY | O_CLOEXEC);
    check(lseek(writer, 6, SEEK_SET) == 6, "set-up");
    ready();
    wait_for_go();
    check(read(reader, text, 3) == 3 && memcmp(text, "def", 3) == 0, "the reader's position");
    check(write(writer, "XY", 2) == 2, "the writer's access");
    check(read(writer, text, 1) == -1 && errno == EBADF, "a write-only descriptor can be read");
    check(pread(reader, text, 3, 5) == 3 && memcmp(text, "fXY", 3) == 0, "the writer's position");
    pass();
}
