// without: fs.root_id
// A changed root directory: absolute names mean what they meant.
#include "workload.h"

int main(void)
{
    int fd = open("marker", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    check(fd >= 0 && close(fd) == 0 && mkdir("sub", 0755) == 0, "set-up");
    check(chroot(".") == 0 && chdir("/sub") == 0, "chroot");
    setenv("LIVE_READY", "/ready", 1);
    live_go = "/go";
    ready();
    wait_for_go();
    check(access("/marker", F_OK) == 0 && access("/proc", F_OK) == -1, "the root directory");
    check(access("../../marker", F_OK) == 0, "the root directory, by going up");
    pass();
}
