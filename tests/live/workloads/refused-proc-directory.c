// refused: working.directory.*a.directory.of.a.process.that.has.ended.cannot.be.entered.again
// A working directory below /proc of a process that is gone: the kernel lets nobody in any more.
#include "workload.h"

int main(void)
{
    pid_t dead = fork();
    if (dead == 0) {
        pause();
        _exit(0);
    }
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", dead);
    check(chdir(path) == 0, "set-up");
    kill(dead, SIGKILL);
    check(waitpid(dead, NULL, 0) == dead, "set-up: its end");
    ready();
    wait_for_go();
    check(access("stat", F_OK) == -1, "the directory after a refused dump");
    check(chdir("/proc/self") == 0, "leaving it");
    pass();
}
