// refused: uninterruptible.sleep.in.[a-z_]+
// A child that looks a name up on a mount whose file system (FUSE) has never said a word: nothing but its death ends
// that call.
#include "workload.h"
#include <sys/mount.h>

static int device, root;

// The directory of a mount that is nowhere, so that none is left over.
static void mount_mute(void)
{
    char options[128];
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0)
        skip("/dev/fuse: %s\n", strerror(errno));
    check(mkdir("mute", 0755) == 0, "mkdir");
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    if (mount("mute", "mute", "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        skip("mount of a FUSE: %s\n", strerror(errno));
    root = open("mute", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int opened = root >= 0;
    check(umount2("mute", MNT_DETACH) == 0, "umount");
    check(opened, "open of the mount");
    check(rmdir("mute") == 0, "rmdir");
}

// The parent's end of the device is the last one: when that is closed, the call fails.
static void child(void)
{
    struct stat st;
    close(device);
    child_ready();
    check_equal(fstatat(root, "name", &st, 0), -1, "a lookup that nobody answers");
    check(errno == ENOTCONN || errno == ECONNABORTED || errno == ECONNREFUSED, "how it failed");
}

static void read_of(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    check(n >= 0, "what /proc has of the child");
    text[n] = 0;
    close(fd);
}

static void wait_until_it_sleeps(pid_t pid)
{
    char text[512], where[128];
    // A task is in that state for a moment before the kernel can tell where.
    for (int told = 0; told < 1000; told++) {
        read_of(pid, "stat", text, sizeof text);
        char state = strrchr(text, ')')[2];
        check(state != 'Z', "the lookup has ended");
        told = state == 'D' ? told : 0;
        read_of(pid, "wchan", where, sizeof where);
        if (state == 'D' && where[0] != 0 && where[0] != '0')
            return;
        sleep_ms(1);
    }
    skip("the kernel does not tell where a task sleeps\n");
}

int main(void)
{
    mount_mute();
    pid_t pid = start_child(child);
    // It is the child that sleeps, not who looks at the parent's descriptors.
    close(root);
    wait_until_it_sleeps(pid);
    ready();
    wait_for_go();
    check(close(device) == 0, "close of the device");
    child_passed(pid);
    pass();
}
