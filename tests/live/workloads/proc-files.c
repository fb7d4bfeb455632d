// without: files.reg.name, files.reg.cr_proc_start
// differs: */fd/*/target
// Files of /proc: one's own, of a child, of a process outside, of one that is gone (whose file gets another
// name when its pid is taken), directories.
#include "workload.h"
#include <dirent.h>

static void child(void)
{
    child_ready();
    wait_for_go();
    while (access("end", F_OK) != 0)
        sleep_ms(2);
}

static int open_of(pid_t pid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, flags | O_CLOEXEC);
    check(fd >= 0, "set-up");
    return fd;
}

static int pid_in(int fd)
{
    char text[256];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? atoi(text) : -1;
}

int main(void)
{
    static char here[] = "something of mine";
    char text[64];
    pid_t pid = start_child(child), dead = fork();
    if (dead == 0) {
        pause();
        _exit(0);
    }
    int own = open("/proc/self/stat", O_RDONLY | O_CLOEXEC), its = open_of(pid, "stat", O_RDONLY);
    int gone = open_of(dead, "stat", O_RDONLY), directory = open_of(pid, "fd", O_RDONLY | O_DIRECTORY);
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC), init = open_of(1, "stat", O_RDONLY);
    kill(dead, SIGKILL);
    check(waitpid(dead, NULL, 0) == dead && pid_in(own) == getpid() && read(own, text, 5) == 5, "set-up");
    ready();
    wait_for_go();
    check_equal(pid_in(own), getpid(), "one's own status");
    check_equal(lseek(own, 0, SEEK_CUR), 5, "the position in it");
    check_equal(pid_in(its), pid, "the child's status");
    check_equal(pid_in(init), 1, "the status of a process outside");
    check(read(gone, text, 1) == -1 && errno == ESRCH, "the status of one that is gone");
    check(fdopendir(directory) != NULL, "a directory");
    check(pread(memory, text, sizeof here, (off_t)here) == sizeof here && strcmp(text, here) == 0,
          "one's own memory");
    check(mkdir("end", 0755) == 0, "mkdir");
    child_passed(pid);
    pass();
}
