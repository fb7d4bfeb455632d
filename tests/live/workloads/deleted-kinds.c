// without: ghost-file.mode
// Files of every kind that have no name any more: a symbolic link, a device, a socket's name, all opened for
// their path only; a device that is open; a directory; one file by two names; one below a directory that is gone.
#include "workload.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

static void check_name(int fd, const char *name)
{
    char path[64], target[4096] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    check(readlink(path, target, sizeof target - 1) > 0, "readlink");
    size_t end = strlen(name), length = strlen(target);
    check(length > end && strcmp(target + length - end, name) == 0, target);
}

static struct stat stat_of(int fd)
{
    struct stat st;
    check(fstat(fd, &st) == 0, "fstat");
    check_equal(st.st_nlink, 0, "the number of names");
    return st;
}

int main(void)
{
    char text[16] = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    check(symlink("some/where", "symlink") == 0 && mknod("null", S_IFCHR | 0620, makedev(1, 3)) == 0 &&
              mknod("disk", S_IFBLK | 0600, makedev(7, 99)) == 0 && mkdir("directory", 0711) == 0 &&
              mkdir("way", 0755) == 0 && mkfifo("fifo", 0640) == 0, "set-up");
    check(setxattr("directory", "trusted.test", "value", 5, 0) == 0 || errno == ENOTSUP, "xattr");
    int attributes = getxattr("directory", "trusted.test", text, sizeof text) == 5;
    check(chmod("null", 0620) == 0, "chmod");
    int socket_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    check(bind(socket_fd, (void *)&address, sizeof address) == 0 && chmod("socket", 0712) == 0 &&
              lchown("symlink", 12, 34) == 0, "set-up");
    int symlink_fd = open("symlink", O_PATH | O_NOFOLLOW | O_CLOEXEC), disk = open("disk", O_PATH);
    int null_path = open("null", O_PATH), null = open("null", O_RDWR), name = open("socket", O_PATH);
    int directory = open("directory", O_RDONLY | O_DIRECTORY), fifo = open("fifo", O_PATH);
    int one = open("one", O_RDWR | O_CREAT, 0600);
    check(link("one", "two") == 0, "link");
    int two = open("two", O_RDWR), below = open("way/below", O_RDWR | O_CREAT, 0600);
    check(write(one, "one", 3) == 3 && close(socket_fd) == 0, "set-up");
    for (const char **each = (const char *[]){"symlink", "null", "disk", "socket", "one", "two", "way/below", "fifo",
                                              NULL}; *each; each++)
        check(unlink(*each) == 0, *each);
    check(rmdir("directory") == 0 && rmdir("way") == 0, "rmdir");
    ready();
    wait_for_go();
    check(readlinkat(symlink_fd, "", text, sizeof text) == 10 && memcmp(text, "some/where", 10) == 0, "the target");
    struct stat st = stat_of(symlink_fd);
    check(S_ISLNK(st.st_mode) && st.st_uid == 12 && st.st_gid == 34, "the symbolic link");
    st = stat_of(disk);
    check(S_ISBLK(st.st_mode) && st.st_rdev == makedev(7, 99), "the block device");
    st = stat_of(null_path);
    check_equal(st.st_mode, S_IFCHR | 0620, "the device");
    check_equal(st.st_ino, stat_of(null).st_ino, "the device, open");
    check(write(null, "x", 1) == 1 && read(null, text, 1) == 0, "the device, used");
    check_equal(stat_of(name).st_mode, S_IFSOCK | 0712, "the socket's name");
    check_equal(stat_of(fifo).st_mode, S_IFIFO | 0640, "the FIFO");
    check_equal(stat_of(directory).st_mode, S_IFDIR | 0711, "the directory");
    if (attributes)
        check(fgetxattr(directory, "trusted.test", text, sizeof text) == 5 && memcmp(text, "value", 5) == 0, "xattr");
    check_equal(stat_of(one).st_ino, stat_of(two).st_ino, "one file by two names");
    check(pread(two, text, 3, 0) == 3 && memcmp(text, "one", 3) == 0, "its contents");
    check_name(symlink_fd, "/symlink (deleted)");
    check_name(one, "/one (deleted)");
    check_name(two, "/two (deleted)");
    check_name(below, "/way/below (deleted)");
    check_name(fifo, "/fifo (deleted)");
    check(access("way", F_OK) == -1 && access("one", F_OK) == -1, "a name came back");
    pass();
}
