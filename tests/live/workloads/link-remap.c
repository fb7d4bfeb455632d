// dump-options: --link-remap
// without: remap-fpath.orig_id
// differs: */fd/7/target */fd/7/flags
// Files whose name is gone and that have another one in another directory: open twice, mapped, below a directory
// that was removed, made by O_TMPFILE and named since, a FIFO. No temporary name is left when they are back.
// (The one made by O_TMPFILE, 7, never was known by a name of its own.)
#include "workload.h"

static void set_up(const char *name, const char *text)
{
    char other[64];
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0, name);
    snprintf(other, sizeof other, "elsewhere/%s", strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
    check(link(name, other) == 0, "link");
}

static void check_name(int fd, const char *name)
{
    char path[64], target[4096] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    check(readlink(path, target, sizeof target - 1) > 0, "readlink");
    size_t end = strlen(name), length = strlen(target);
    check(length > end && strcmp(target + length - end, name) == 0, target);
}

static void check_same(int fd, const char *other)
{
    struct stat a, b;
    check(fstat(fd, &a) == 0 && stat(other, &b) == 0, other);
    check_equal(a.st_ino, b.st_ino, other);
    check_equal(a.st_nlink, 1, "the number of names");
}

int main(void)
{
    char text[8] = "", path[64];
    check(mkdir("elsewhere", 0755) == 0 && mkdir("gone", 0755) == 0 && mkdir("gone/deep", 0755) == 0, "mkdir");
    set_up("data", "data");
    set_up("mapped", "mapped");
    set_up("gone/deep/file", "file");
    check(mkfifo("fifo", 0600) == 0 && link("fifo", "elsewhere/fifo") == 0, "fifo");
    int data = open("data", O_RDWR | O_CLOEXEC), appender = open("data", O_WRONLY | O_APPEND);
    int file = open("gone/deep/file", O_RDONLY), fifo = open("fifo", O_RDWR), mapped = open("mapped", O_RDWR);
    char *map = mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    check(map != MAP_FAILED && close(mapped) == 0, "mmap");
    int nameless = open(".", O_TMPFILE | O_RDWR, 0600);
    snprintf(path, sizeof path, "/proc/self/fd/%d", nameless);
    check(write(nameless, "named", 5) == 5 &&
              linkat(AT_FDCWD, path, AT_FDCWD, "elsewhere/named", AT_SYMLINK_FOLLOW) == 0, "name it");
    check(write(fifo, "fifo", 4) == 4 && lseek(data, 2, SEEK_SET) == 2, "set-up");
    check(unlink("data") == 0 && unlink("mapped") == 0 && unlink("fifo") == 0 && unlink("gone/deep/file") == 0 &&
              rmdir("gone/deep") == 0 && rmdir("gone") == 0, "unlink");
    ready();
    wait_for_go();
    check(read(data, text, 4) == 2 && memcmp(text, "ta", 2) == 0, "the position");
    check(write(appender, "!", 1) == 1 && pread(data, text, 8, 0) == 5 && text[4] == '!', "one file");
    check(pread(file, text, 4, 0) == 4 && memcmp(text, "file", 4) == 0, "below a removed directory");
    check(pread(nameless, text, 5, 0) == 5 && memcmp(text, "named", 5) == 0, "the one that was named later");
    check(memcmp(map, "mapped", 6) == 0, "the mapped one");
    check(read(fifo, text, 4) == 4 && memcmp(text, "fifo", 4) == 0, "the FIFO");
    check_same(data, "elsewhere/data");
    check_same(file, "elsewhere/file");
    check_same(nameless, "elsewhere/named");
    check_same(fifo, "elsewhere/fifo");
    check_name(data, "/data (deleted)");
    check_name(file, "/gone/deep/file (deleted)");
    map[0] = 'M';
    int other = open("elsewhere/mapped", O_RDONLY);
    check(pread(other, text, 6, 0) == 6 && memcmp(text, "Mapped", 6) == 0, "the mapped one is its file");
    for (int i = 1; i < 10; i++) {
        snprintf(path, sizeof path, "link_remap.%d", i);
        check(access(path, F_OK) == -1, path);
    }
    check(access("gone", F_OK) == -1 && access("data", F_OK) == -1, "a name came back");
    pass();
}
