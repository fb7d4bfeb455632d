// without: tty-info.cr_ptmx
// differs: */fd/*/target, */fd/*/tty-index, */stat/tty
// Pseudo terminals of two instances of devpts, of which one is mounted at a place of its own: each comes back
// in its own, also where both have the same number. (Others that run beside us may take names in the usual one.)
#include "workload.h"
#include <poll.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

struct pair {
    int master, slave;
};

static struct pair make_pair(const char *ptmx)
{
    struct pair pair = {open(ptmx, O_RDWR | O_NOCTTY | O_CLOEXEC), -1};
    if (pair.master < 0)
        skip("no terminals: %s\n", strerror(errno));
    char name[64], path[128];
    check(unlockpt(pair.master) == 0 && ptsname_r(pair.master, name, sizeof name) == 0, "set-up");
    snprintf(path, sizeof path, "%s/%s", strcmp(ptmx, "/dev/ptmx") == 0 ? "/dev/pts" : "pts",
             name + strlen("/dev/pts/"));
    pair.slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(pair.slave >= 0, "set-up");
    return pair;
}

static void expect(struct pair pair, const char *text, const char *where)
{
    char buffer[64];
    struct stat at, slave;
    struct pollfd ready_fd = {pair.slave, POLLIN, 0};
    check(poll(&ready_fd, 1, 30000) == 1 && read(pair.slave, buffer, sizeof buffer) == (ssize_t)strlen(text) &&
              memcmp(buffer, text, strlen(text)) == 0,
          "what waited in a terminal");
    check(stat(where, &at) == 0 && fstat(pair.slave, &slave) == 0, "stat");
    check_equal(slave.st_dev, at.st_dev, "the instance of a terminal");
}

int main(void)
{
    check(mkdir("pts", 0755) == 0, "set-up");
    if (mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0666") != 0)
        skip("devpts cannot be mounted: %s\n", strerror(errno));
    // By a name that does not tell the instance.
    int door = open("door", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(door >= 0 && close(door) == 0 && mount("pts/ptmx", "door", NULL, MS_BIND, NULL) == 0, "set-up");
    struct pair own = make_pair("door"), usual = make_pair("/dev/ptmx");
    check(write(own.master, "own\n", 4) == 4 && write(usual.master, "usual\n", 6) == 6, "set-up");
    ready();
    wait_for_go();
    expect(own, "own\n", "pts/.");
    expect(usual, "usual\n", "/dev/pts/.");
    check(access("pts/0", F_OK) == 0, "the name of a terminal in its own instance");
    check(umount2("door", MNT_DETACH) == 0 && umount2("pts", MNT_DETACH) == 0, "umount");
    pass();
}
