// without: core.tc.task_state
// A stopped process with several threads: all of them stop and go on together.
#include "workload.h"

enum { kThreads = 4 };

static volatile int *progress;

static void *count(void *slot)
{
    for (;;) {
        ++progress[(long)slot];
        sleep_ms(1);
    }
    return NULL;
}

static void child(void)
{
    for (long i = 0; i < kThreads; ++i)
        start_thread(count, (void *)i);
    child_ready();
    for (;;)
        pause();
}

int main(void)
{
    int status, before[kThreads];
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = start_child(child);
    kill(pid, SIGSTOP);
    check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "set-up");
    ready();
    wait_for_go();
    for (int i = 0; i < kThreads; ++i)
        before[i] = progress[i];
    sleep_ms(10);
    for (int i = 0; i < kThreads; ++i)
        check_equal(progress[i], before[i], "a thread of a stopped process ran");
    kill(pid, SIGCONT);
    for (int i = 0; i < kThreads; ++i)
        for (int tries = 0; progress[i] == before[i]; ++tries, sleep_ms(1))
            check(tries < 2000, "a thread of a continued process does not run");
    kill(pid, SIGKILL);
    check(waitpid(pid, &status, 0) == pid, "waitpid");
    pass();
}
