// refused: fd.3..+fdinfo/0.:.it.is.of.a.single.descriptor,
// refused: fd.4..+fd/0.:.it.is.of.a.single.descriptor,
// Files of /proc that are of a single descriptor: it would have to be there before they are opened.
#include "workload.h"

int main(void)
{
    int info = open("/proc/self/fdinfo/0", O_RDONLY | O_CLOEXEC);
    int link = open("/proc/self/fd/0", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    check(info == 3 && link == 4, "set-up");
    ready();
    wait_for_go();
    char text[4];
    check(pread(info, text, 4, 0) == 4 && memcmp(text, "pos:", 4) == 0, "the file after a refused dump");
    pass();
}
