// refused: deleted|unlinked|no.name
// A working directory that was removed.
#include "workload.h"

int main(void)
{
    char path[4096];
    check(mkdir("gone", 0755) == 0 && chdir("gone") == 0 && rmdir("../gone") == 0, "set-up");
    ready();
    wait_for_go();
    check(getcwd(path, sizeof path) == NULL && errno == ENOENT, "the working directory after a refused dump");
    pass();
}
