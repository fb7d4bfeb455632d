// A plugin that keeps the name of a character device and opens it again, and writes down which of its functions are
// called. OLD: registered the older way. CRASHES, HANGS, FAILS: what it does in the hook of a dump. WAITS: it pauses
// devices for more than a second, and as long as the file "wait" is there.
#include "criu-plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *what, int number)
{
    char line[100];
    int fd = openat(criu_get_image_dir(), "called", O_WRONLY | O_CREAT | O_APPEND, 0600);
    int n = snprintf(line, sizeof line, "%s %d\n", what, number);
    if (fd < 0 || write(fd, line, n) != n)
        abort();
    close(fd);
}

static int dump_device(int fd, int id)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode))
        return -ENOTSUP;
#if defined CRASHES
    abort();
#elif defined HANGS
    for (;;)
        pause();
#elif defined FAILS
    print_on_level(1, "the device %d is busy\n", id);
    return -EBUSY;
#endif
    char self[64], path[256] = {0}, name[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (readlink(self, path, sizeof path - 1) < 0)
        return -errno;
    snprintf(name, sizeof name, "device-%d.img", id);
    int image = openat(criu_get_image_dir(), name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (image < 0 || write(image, path, strlen(path)) != (ssize_t)strlen(path))
        return -EIO;
    close(image);
    note("dump", 0);
    return 0;
}

static int open_device(int id)
{
    char path[256] = {0}, name[64];
    snprintf(name, sizeof name, "device-%d.img", id);
    int image = openat(criu_get_image_dir(), name, O_RDONLY);
    if (image < 0)
        return -ENOTSUP;
    if (read(image, path, sizeof path - 1) <= 0)
        return -EIO;
    close(image);
    note("restore", 0);
    return open(path, O_RDONLY);
}

#ifdef OLD

int cr_plugin_init(void)
{
    note("init", 0);
    return 0;
}
void cr_plugin_fini(void) { note("fini", 0); }
int cr_plugin_dump_file(int fd, int id) { return dump_device(fd, id); }
int cr_plugin_restore_file(int id) { return open_device(id); }

#else

static int begin(int stage)
{
    note("init", stage);
    if (stage == CR_PLUGIN_STAGE__DUMP)
        return add_inventory_plugin("device");
    check_and_remove_inventory_plugin("device", strlen("device"));
    return 0;
}
static void finish(int stage, int result) { note(stage == CR_PLUGIN_STAGE__DUMP ? "dumped" : "restored", result); }

static int restore_device(int id, bool *retry_needed)
{
    static int asked;
    *retry_needed = !asked++; // once more, when other files are open
    return *retry_needed ? 0 : open_device(id);
}
static int dump_socket(int fd, int id)
{
    (void)fd, (void)id;
    return note("dump-socket", 0), 0;
}
static int restore_socket(int id)
{
    int ends[2];
    (void)id;
    note("restore-socket", 0);
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? ends[0] : -errno;
}
static int pause_device(int pid)
{
    note("pause", pid);
#ifdef WAITS
    usleep(1100000);
    while (faccessat(criu_get_image_dir(), "wait", F_OK, 0) == 0)
        usleep(1000);
#endif
    return 0;
}
static int checkpoint_device(int pid) { return note("checkpoint", pid), 0; }
static int resume_device(int pid) { return note("resume", pid), 0; }
static int dumped_late(int pid) { return note("late", pid), 0; }
static int restore_init(void) { return note("restore-init", 0), 0; }
static int post_forking(void) { return note("post-forking", 0), 0; }

CR_PLUGIN_REGISTER("device", begin, finish)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__DUMP_EXT_FILE, dump_device)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__RESTORE_EXT_FILE, restore_device)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__DUMP_UNIX_SK, dump_socket)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__RESTORE_UNIX_SK, restore_socket)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__PAUSE_DEVICES, pause_device)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__CHECKPOINT_DEVICES, checkpoint_device)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__RESUME_DEVICES_LATE, resume_device)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__DUMP_DEVICES_LATE, dumped_late)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__RESTORE_INIT, restore_init)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__POST_FORKING, post_forking)

#endif
