// differs: */fd/4/target */fd/3/flags
// without: remap-fpath.orig_id
// A file made by O_TMPFILE, which may still get a name, and one that has another name than it was opened by.
#include "workload.h"

int main(void)
{
    char text[8] = "", path[64];
    int nameless = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int renamed = open("one", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(nameless >= 0 && write(nameless, "abc", 3) == 3 && write(renamed, "def", 3) == 3, "set-up");
    check(link("one", "two") == 0 && unlink("one") == 0, "link");
    ready();
    wait_for_go();
    check(pread(nameless, text, 3, 0) == 3 && memcmp(text, "abc", 3) == 0, "contents");
    snprintf(path, sizeof path, "/proc/self/fd/%d", nameless);
    unlink("three");
    check(linkat(AT_FDCWD, path, AT_FDCWD, "three", AT_SYMLINK_FOLLOW) == 0, "give it a name");
    int two = open("two", O_RDWR | O_CLOEXEC);
    check(write(renamed, "ghi", 3) == 3 && pread(two, text, 6, 0) >= 6 && memcmp(text, "defghi", 6) == 0,
          "the file under its other name");
    pass();
}
