// Control groups of a workload's own, with its pid in their names. It removes them before it passes.
#ifndef LIVE_CGROUP_H
#define LIVE_CGROUP_H

#include "workload.h"

#include <sys/mount.h>

enum { kCgroupPath = 256 };

// The root of a hierarchy, or -1: a mount that nobody else sees, and that is gone when the descriptor is closed.
static inline int cgroup_mount(const char *type, const char *what)
{
    int fs = (int)syscall(430 /* fsopen */, type, 1);
    if (fs < 0)
        return -1;
    if (what && strncmp(what, "name=", 5) == 0) {
        if (syscall(431 /* fsconfig */, fs, 0, "none", NULL, 0) != 0 ||
            syscall(431, fs, 1, "name", what + 5, 0) != 0)
            return -1;
    } else if (what && syscall(431, fs, 0, what, NULL, 0) != 0) {
        return -1;
    }
    if (syscall(431, fs, 6, NULL, NULL, 0) != 0)
        return -1;
    int root = (int)syscall(432 /* fsmount */, fs, 1, 0);
    close(fs);
    return root;
}

static inline void cgroup_write(int root, const char *dir, const char *file, const char *text)
{
    char path[kCgroupPath];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = openat(root, path, O_WRONLY | O_CLOEXEC);
    check(fd >= 0, path);
    check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

// Without the last newline.
static inline const char *cgroup_read(int root, const char *dir, const char *file)
{
    static char text[4096];
    char path[kCgroupPath];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0, path);
    ssize_t n = read(fd, text, sizeof text - 1);
    check(n >= 0, path);
    close(fd);
    text[n > 0 && text[n - 1] == '\n' ? n - 1 : n] = 0;
    return text;
}

static inline void cgroup_is(int root, const char *dir, const char *file, const char *wanted)
{
    const char *text = cgroup_read(root, dir, file);
    if (strcmp(text, wanted) != 0)
        live_end(1, "%s/%s is '%s', wanted '%s'\n", dir, file, text, wanted);
}

static inline void cgroup_enter(int root, const char *dir, pid_t pid)
{
    char text[32];
    snprintf(text, sizeof text, "%d", pid);
    cgroup_write(root, dir, "cgroup.procs", text);
}

// Where a thread is by /proc, in the hierarchy whose line begins so ("0::", "1:name=x:" without the number).
static inline void cgroup_place_is(pid_t tid, const char *hierarchy, const char *wanted)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/cgroup", tid);
    FILE *file = fopen(path, "re");
    check(file != NULL, path);
    while (fgets(line, sizeof line, file)) {
        char *rest = strchr(line, ':');
        line[strcspn(line, "\n")] = 0;
        if (rest && strncmp(rest + 1, hierarchy, strlen(hierarchy)) == 0 && rest[1 + strlen(hierarchy)] == ':') {
            fclose(file);
            if (strcmp(rest + 2 + strlen(hierarchy), wanted) != 0)
                live_end(1, "%s: '%s' is %s, wanted %s\n", path, hierarchy, rest + 2 + strlen(hierarchy),
                         wanted);
            return;
        }
    }
    check(0, "there is no such hierarchy");
}

// Whether there is a hierarchy of version 1 with just these controllers: mounting another would take them away
// from where they are.
static inline int cgroup_has(const char *controllers)
{
    char line[512], wanted[64];
    snprintf(wanted, sizeof wanted, ":%s:", controllers);
    FILE *file = fopen("/proc/self/cgroup", "re");
    check(file != NULL, "/proc/self/cgroup");
    int found = 0;
    while (fgets(line, sizeof line, file))
        found |= strstr(line, wanted) != NULL;
    fclose(file);
    return found;
}

// Our place in version 2, as a path below its root.
static inline void cgroup_home(char *home)
{
    char line[512];
    strcpy(home, ".");
    FILE *file = fopen("/proc/self/cgroup", "re");
    check(file != NULL, "/proc/self/cgroup");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "0::/", 4) == 0 && line[4] != '\n') {
            line[strcspn(line, "\n")] = 0;
            snprintf(home, kCgroupPath, "%.200s", line + 4);
        }
    fclose(file);
}

// Leaves them for `home` and removes them, the last first.
static inline void cgroup_end(int root, const char *home, const char *const *dirs, unsigned count)
{
    cgroup_enter(root, home, getpid());
    while (count-- > 0)
        for (int tries = 0;
             unlinkat(root, dirs[count] + 1, AT_REMOVEDIR) != 0 && errno == EBUSY && tries < 2000; ++tries)
            sleep_ms(1);
}

#endif
