// differs: */fd/*/target, */fd/*/tty-index
// A thousand pseudo terminals, the last made first among the descriptors: no restore makes them anew for each
// of them. They are of an instance of devpts of their own, since others run beside us.
#include "workload.h"
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

enum { kPairs = 1000, kFirst = 100 };

static int index_of(int master)
{
    int index = -1;
    check(ioctl(master, TIOCGPTN, &index) == 0, "the number of a terminal");
    return index;
}

int main(void)
{
    static int indices[kPairs];
    check(mkdir("pts", 0755) == 0, "set-up");
    if (mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0666") != 0)
        skip("devpts cannot be mounted: %s\n", strerror(errno));
    for (int i = 0; i < kPairs; i++) {
        int master = open("pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0) {
            umount2("pts", MNT_DETACH);
            skip("only %d terminals can be had\n", i);
        }
        check(dup3(master, kFirst + kPairs - 1 - i, O_CLOEXEC) >= 0, "set-up");
        close(master);
        indices[kPairs - 1 - i] = index_of(kFirst + kPairs - 1 - i);
    }
    ready();
    wait_for_go();
    for (int i = 0; i < kPairs; i++)
        check_equal(index_of(kFirst + i), indices[i], "the number of a terminal");
    check(umount2("pts", MNT_DETACH) == 0, "umount");
    pass();
}
