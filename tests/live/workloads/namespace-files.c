// without: files.nsf.ns_cflag
// Descriptors of the namespaces that the tree is in, one for its path only, one shared.
#include "workload.h"

static ino_t inode(int fd)
{
    struct stat st;
    check(fstat(fd, &st) == 0, "fstat");
    return st.st_ino;
}

int main(void)
{
    static const char *names[] = {"net", "uts", "ipc", "pid", "mnt", "user", "cgroup", "time"};
    enum { KINDS = sizeof names / sizeof *names };
    int fds[KINDS], paths[KINDS];
    ino_t inodes[KINDS];
    for (int i = 0; i < KINDS; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        fds[i] = open(path, O_RDONLY | (i % 2 ? O_CLOEXEC : 0));
        paths[i] = open(path, O_PATH);
        inodes[i] = fds[i] < 0 ? 0 : inode(fds[i]);
    }
    int copy = dup(fds[0]);
    ready();
    wait_for_go();
    for (int i = 0; i < KINDS; i++)
        if (inodes[i])
            check(inode(fds[i]) == inodes[i] && inode(paths[i]) == inodes[i], "a namespace");
    check(inode(copy) == inodes[0], "a shared one");
    check(setns(fds[0], CLONE_NEWNET) == 0, "enter the network namespace");
    pass();
}
