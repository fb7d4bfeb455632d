// differs: */fd/3/target
// without: remap-fpath.remap_type
// A working directory that was removed, an open one, and files that were in it.
#include "workload.h"

int main(void)
{
    char path[4096], text[4] = "";
    check(mkdir("gone", 0710) == 0 && chdir("gone") == 0, "set-up");
    int file = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600), directory = open(".", O_RDONLY | O_DIRECTORY);
    check(write(file, "abc", 3) == 3 && unlink("file") == 0 && rmdir("../gone") == 0, "set-up");
    ready();
    wait_for_go();
    struct stat here, there;
    check(getcwd(path, sizeof path) == NULL && errno == ENOENT, "the working directory");
    check(stat(".", &here) == 0 && fstat(directory, &there) == 0, "stat");
    check_equal(here.st_mode, S_IFDIR | 0710, "the mode");
    check_equal(here.st_ino, there.st_ino, "the working directory and the descriptor");
    check(pread(file, text, 3, 0) == 3 && memcmp(text, "abc", 3) == 0, "the file");
    pass();
}
