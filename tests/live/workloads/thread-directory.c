// without: core.ids
// A thread that has a working directory, root and umask of its own, while the process has another root.
#include "workload.h"

static volatile int moved;

static void *body(void *unused)
{
    check(unshare(CLONE_FS) == 0 && chdir("/proc") == 0, "set-up");
    umask(071);
    moved = 1;
    while (moved == 1)
        sleep_ms(1);
    char path[64];
    check(getcwd(path, sizeof path) && strcmp(path, "/proc") == 0, "the thread's directory");
    check_equal(umask(0), 071, "the thread's umask");
    check(access("/proc/self", F_OK) == 0, "the thread's root");
    return unused;
}

int main(void)
{
    char path[4096];
    pthread_t thread = start_thread(body, NULL);
    need_thread_pidfds();
    while (!moved)
        sleep_ms(1);
    check(mkdir("sub", 0755) == 0 && chroot(".") == 0 && chdir("/sub") == 0, "chroot");
    umask(022);
    setenv("LIVE_READY", "/ready", 1);
    live_go = "/go";
    ready();
    wait_for_go();
    check(getcwd(path, sizeof path) && strcmp(path, "/sub") == 0, "the process's directory");
    check(access("/proc", F_OK) == -1, "the process's root");
    check_equal(umask(022), 022, "the process's umask");
    moved = 2;
    join_thread(thread);
    pass();
}
