// refused: has another one, but not in the same directory, --link-remap
// A file whose name is gone and that has another one in another directory, dumped without --link-remap.
#include "workload.h"

int main(void)
{
    check(mkdir("elsewhere", 0755) == 0, "mkdir");
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0 && link("data", "elsewhere/data") == 0 && unlink("data") == 0, "set-up");
    ready();
    wait_for_go();
    check(access("link_remap.1", F_OK) == -1 && access("data", F_OK) == -1, "the file got a name");
    pass();
}
