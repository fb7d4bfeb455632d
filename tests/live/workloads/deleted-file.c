// differs: */fd/[67]/target
// without: remap-fpath.remap_type
// Files that are open and have no name any more: contents with holes, positions, flags, two descriptions of one.
#include "workload.h"

enum { kMiB = 1 << 20, kEnd = 9 * kMiB };

int main(void)
{
    char text[32] = "", path[64], link[256] = "";
    struct stat before, after;
    int fd = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    check(fd >= 0 && fchown(fd, 12, 34) == 0 && fchmod(fd, 0751) == 0, "set-up");
    int reader = open("data", O_RDONLY), appender = open("data", O_WRONLY | O_APPEND);
    int small = open("small", O_RDWR | O_CREAT, 0600), again = dup(small);
    check(write(fd, "begin", 5) == 5 && pwrite(fd, "end", 3, kEnd) == 3 && lseek(fd, 5, SEEK_SET) == 5, "write");
    check(pwrite(fd, "middle", 6, 4 * kMiB + 100) == 6 && write(small, "small", 5) == 5, "write");
    check(lseek(reader, 2, SEEK_SET) == 2, "lseek");
    // Another file has taken one of the names.
    check(unlink("data") == 0 && unlink("small") == 0, "unlink");
    int other = open("small", O_RDWR | O_CREAT, 0600);
    check(write(other, "other", 5) == 5, "write");
    struct timespec times[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
    check(futimens(fd, times) == 0 && fstat(fd, &before) == 0, "times");
    ready();
    wait_for_go();
    check(fstat(fd, &after) == 0, "fstat");
    check_equal(after.st_mode, before.st_mode, "the mode");
    check_equal(after.st_uid, before.st_uid, "the owner");
    check_equal(after.st_gid, before.st_gid, "the group");
    check_equal(after.st_size, before.st_size, "the size");
    check_equal(after.st_nlink, 0, "the number of names");
    check_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec, "the time of modification");
    check_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec, "the time of modification, ns");
    check(after.st_blocks <= before.st_blocks + 64, "holes were filled");
    check_equal(lseek(fd, 0, SEEK_CUR), 5, "the position");
    check_equal(fcntl(appender, F_GETFL) & O_APPEND, O_APPEND, "O_APPEND");
    check(pread(fd, text, 5, 0) == 5 && memcmp(text, "begin", 5) == 0, "the beginning");
    check(pread(fd, text, 6, 4 * kMiB + 100) == 6 && memcmp(text, "middle", 6) == 0, "the middle");
    check(pread(fd, text, 4, kEnd) == 3 && memcmp(text, "end", 3) == 0, "the end");
    check(pread(fd, text, 2, kMiB) == 2 && text[0] == 0 && text[1] == 0, "a hole");
    check(write(appender, "!", 1) == 1 && pread(reader, text, 8, kEnd) == 4 && text[3] == '!', "one file");
    check(read(reader, text, 3) == 3 && memcmp(text, "gin", 3) == 0, "the reader's position");
    check(pread(small, text, 5, 0) == 5 && memcmp(text, "small", 5) == 0, "the one whose name was taken");
    check_equal(lseek(again, 0, SEEK_CUR), 5, "the position of a duplicate");
    check(pread(other, text, 5, 0) == 5 && memcmp(text, "other", 5) == 0, "the one that took the name");
    check(access("data", F_OK) == -1, "the file got a name");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    check(readlink(path, link, sizeof link - 1) > 0 && strstr(link, "/data (deleted)"), "its name in /proc");
    check(strstr(link, "(deleted) (deleted)") == NULL, "its name in /proc, twice deleted");
    pass();
}
