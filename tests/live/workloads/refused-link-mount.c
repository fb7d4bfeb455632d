// dump-options: --link-remap
// refused: no temporary one can be made, on another mount
// As above, and the directory of the old name is on another file system than the file.
#include "workload.h"
#include <sys/mount.h>

int main(void)
{
    check(mkdir("place", 0755) == 0, "mkdir");
    int directory = open("place", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(directory, "data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0 && linkat(directory, "data", AT_FDCWD, "elsewhere", 0) == 0 &&
              unlinkat(directory, "data", 0) == 0 && close(directory) == 0, "set-up");
    if (mount("none", "place", "tmpfs", 0, "") != 0)
        skip("nothing can be mounted");
    ready();
    wait_for_go();
    check(umount("place") == 0, "umount");
    check(access("place/link_remap.1", F_OK) == -1, "the file got a name");
    pass();
}
