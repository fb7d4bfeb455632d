// without: files.reg.pos
// An open directory: names relative to it, and reading it goes on where it was.
#include "workload.h"
#include <dirent.h>

enum { kFiles = 60 };

int main(void)
{
    char name[32];
    int seen[kFiles] = {0}, first = 0;
    struct dirent *entry;
    check(mkdir("folder", 0755) == 0, "mkdir");
    int fd = open("folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < kFiles; ++i) {
        snprintf(name, sizeof name, "f%d", i);
        check(close(openat(fd, name, O_CREAT | O_WRONLY, 0644)) == 0, "openat");
    }
    // Read in small pieces, with no buffer that a stream would keep in memory.
    char buffer[256];
    for (int i = 0; i < 3; ++i)
        for (long at = 0, length = syscall(SYS_getdents64, fd, buffer, sizeof buffer); at < length;) {
            entry = (struct dirent *)(buffer + at);
            at += entry->d_reclen;
            if (entry->d_name[0] == 'f')
                ++seen[atoi(entry->d_name + 1)], ++first;
        }
    check(first > 0 && first < kFiles, "set-up");
    ready();
    wait_for_go();
    for (long length; (length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < length;) {
            entry = (struct dirent *)(buffer + at);
            at += entry->d_reclen;
            if (entry->d_name[0] == 'f')
                ++seen[atoi(entry->d_name + 1)];
        }
    for (int i = 0; i < kFiles; ++i)
        check_equal(seen[i], 1, "how often a name was read");
    check(faccessat(fd, "f7", F_OK, 0) == 0 && fchdir(fd) == 0 && access("f8", F_OK) == 0,
          "names in the directory");
    pass();
}
