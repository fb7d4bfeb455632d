// dump-options: --evasive-devices
// differs: */fd/*/target
// Nodes of devices: one that is hidden under a mount, which comes back by the name that its device has in /dev, and one that
// is deleted, which comes back as such.
#include "workload.h"
#include <sys/mount.h>
#include <sys/sysmacros.h>

int main(void)
{
    check(mkdir("place", 0755) == 0, "mkdir");
    if (mknod("place/nothing", S_IFCHR | 0600, makedev(1, 3)) != 0 ||
        mknod("place/zeros", S_IFCHR | 0640, makedev(1, 5)) != 0)
        skip("no device nodes can be made here\n");
    int null = open("place/nothing", O_RDWR | O_CLOEXEC), zeros = open("place/zeros", O_RDONLY | O_CLOEXEC);
    if (null < 0 || zeros < 0)
        skip("device nodes cannot be opened here\n");
    check(rename("place/zeros", "moved") == 0 && unlink("moved") == 0, "set-up");
    if (mount("none", "place", "tmpfs", 0, "") != 0)
        skip("nothing can be mounted\n");
    ready();
    wait_for_go();
    char byte = 1;
    check(write(null, "x", 1) == 1 && read(null, &byte, 1) == 0, "the null device");
    check(read(zeros, &byte, 1) == 1 && byte == 0, "the zero device");
    check(umount2("place", MNT_DETACH) == 0, "umount");
    pass();
}
