// without: ids.fs_id
// Root, working directory and umask in common: one goes elsewhere, the other is there.
#include "workload.h"

int main(void)
{
    int status;
    char path[128];
    volatile int *checked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(chdir("/proc") == 0, "chdir");
    umask(027);
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        while (!*checked)
            sleep_ms(1);
        check(getcwd(path, sizeof path) && strcmp(path, "/proc") == 0, "the working directory");
        check(chdir("sys") == 0, "chdir");
        check_equal(umask(022), 027, "the umask");
        _exit(0);
    }
    ready();
    wait_for_go();
    check(syscall(SYS_kcmp, getpid(), child, 3, 0, 0) == 0, "the directories are not shared");
    check(syscall(SYS_kcmp, getpid(), child, 2, 0, 0) != 0, "the descriptor table is shared");
    *checked = 1;
    check(waitpid(child, &status, 0) == child, "wait");
    check_equal(status, 0, "the child failed");
    check(getcwd(path, sizeof path) && strcmp(path, "/proc/sys") == 0, "where the child went");
    check_equal(umask(0), 022, "the umask that the child set");
    pass();
}
