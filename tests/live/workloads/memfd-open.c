// without: memfd.name, memfd.seals, memfd.size, memfd.mode, memfd.uid, files.memfd.pos, files.memfd.flags
// Open memfds, with contents with holes, an odd size, offset, flags, seals, mode and owner; several descriptions of
// one; one that is sealed against new writers while it is mapped for writing; one without anything.
#include "workload.h"
#include <linux/memfd.h>

static void check_link(int fd, const char *wanted)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, text, sizeof text - 1);
    check(n > 0, "readlink");
    text[n] = 0;
    check(strcmp(text, wanted) == 0, "the name");
}

int main(void)
{
    char path[64], got[8] = "";
    int fd = memfd_create("a name: x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    check(fd >= 0 && ftruncate(fd, (5 << 20) + 123) == 0, "memfd_create");
    check(pwrite(fd, "begin", 5, 0) == 5 && pwrite(fd, "end", 3, (5 << 20) + 120) == 3, "write");
    check(fchmod(fd, 0640) == 0 && fchown(fd, 21, 22) == 0 && lseek(fd, 4321, SEEK_SET) == 4321, "set-up");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC), append = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    check(again >= 0 && append >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0, "set-up");

    int read_only = memfd_create("read-only", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    check(write(read_only, "fixed", 5) == 5, "write");
    check(fcntl(read_only, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0,
          "seal");
    int future = memfd_create("future", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    check(ftruncate(future, 4096) == 0, "ftruncate");
    char *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0);
    check(area != MAP_FAILED && fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0, "seal");
    strcpy(area, "mine");
    int empty = memfd_create("", MFD_CLOEXEC);
    struct stat before, after;
    check(fstat(fd, &before) == 0, "stat");
    int seals[4] = {fcntl(fd, F_GET_SEALS), fcntl(read_only, F_GET_SEALS), fcntl(future, F_GET_SEALS),
                    fcntl(empty, F_GET_SEALS)};
    ready();
    wait_for_go();
    check(fstat(fd, &after) == 0, "stat");
    check_equal(after.st_size, before.st_size, "the size");
    check_equal(after.st_mode, before.st_mode, "the mode");
    check_equal(after.st_uid, 21, "the user");
    check_equal(after.st_gid, 22, "the group");
    check(after.st_blocks <= before.st_blocks, "holes were filled");
    check(pread(fd, got, 5, 0) == 5 && memcmp(got, "begin", 5) == 0, "the begin");
    check(pread(again, got, 8, (5 << 20) + 120) == 3 && memcmp(got, "end", 3) == 0, "the end");
    check_equal(lseek(fd, 0, SEEK_CUR), 4321, "the offset");
    check_equal(fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND, "flags");
    check(write(append, "x", 1) == -1 && errno == EPERM, "a file that must not grow");
    check(pwrite(fd, "y", 1, 7) == 1 && pread(again, got, 1, 7) == 1 && got[0] == 'y', "one file");
    check(write(again, "x", 1) == -1 && errno == EBADF, "a description for reading");
    check(pread(read_only, got, 8, 0) == 5 && pwrite(read_only, "x", 1, 0) == -1 && errno == EPERM,
          "a sealed one");
    check(strcmp(area, "mine") == 0, "memory");
    strcpy(area, "more");
    check(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED &&
              pwrite(future, "x", 1, 0) == -1,
          "new writers");
    check_equal(fcntl(fd, F_GET_SEALS), seals[0], "seals");
    check_equal(fcntl(read_only, F_GET_SEALS), seals[1], "seals of the read-only one");
    check_equal(fcntl(future, F_GET_SEALS), seals[2], "seals of the one without new writers");
    check_equal(fcntl(empty, F_GET_SEALS), seals[3], "seals of the empty one");
    check_link(fd, "/memfd:a name: x (deleted)");
    check_link(empty, "/memfd: (deleted)");
    pass();
}
