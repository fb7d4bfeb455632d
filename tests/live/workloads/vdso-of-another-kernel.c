// modes: other-vdso
// differs: */area/* */count/areas */status/VmSize */status/VmData */stat/vsize */status/VmExe */status/VmLib
// Clocks that the vDSO tells without asking the kernel go on being told where the vDSO that the program found at its
// start is not the kernel's any more; also in a child, in threads, and in a thread that is all the time in the vDSO.
#include "workload.h"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile int over;
static volatile int astray;

static void *ask_for_ever(void *begin)
{
    while (!over) {
        struct timespec now;
        if (clock_gettime(CLOCK_MONOTONIC, &now) != 0 || now.tv_sec < ((struct timespec *)begin)->tv_sec)
            astray = 1;
    }
    return NULL;
}

static int clocks_are_right(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec fast, slow;
        check(clock_gettime(clocks[i], &fast) == 0, "clock_gettime");
        check(syscall(SYS_clock_gettime, clocks[i], &slow) == 0, "clock_gettime by system call");
        if (slow.tv_sec < fast.tv_sec || slow.tv_sec > fast.tv_sec + 60)
            return 0;
    }
    unsigned cpu = ~0u;
    struct timeval day;
    return time(NULL) > 1600000000 && gettimeofday(&day, NULL) == 0 && day.tv_sec > 1600000000 &&
           getcpu(&cpu, NULL) == 0 && cpu < 4096;
}

int main(void)
{
    struct timespec begin;
    int go[2], status;
    pthread_t thread;
    if (getauxval(AT_SYSINFO_EHDR) == 0)
        skip("there is no vDSO\n");
    check(clock_gettime(CLOCK_MONOTONIC, &begin) == 0, "clock_gettime");
    check(pipe(go) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(go[1]);
        while (read(go[0], &byte, 1) != 0)
            ;
        _exit(clocks_are_right() ? 0 : 1);
    }
    check(child > 0, "fork");
    close(go[0]);
    check(pthread_create(&thread, NULL, ask_for_ever, &begin) == 0, "pthread_create");
    ready();
    wait_for_go();
    check(clocks_are_right(), "clocks of the vDSO");
    close(go[1]);
    check(waitpid(child, &status, 0) == child && status == 0, "clocks of the vDSO in a child");
    over = 1;
    check(pthread_join(thread, NULL) == 0 && !astray, "the clock in a thread");
    pass();
}
