// without: pstree.threads, core.thread_info.gpregs.fs_base
// Forty threads, each with its own id and thread-local memory, all asleep on one lock.
#include "workload.h"

enum { kThreads = 80 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local pid_t own_tid;
static pid_t tids[kThreads];
static int passed_by;

static void *sleeper(void *slot)
{
    own_tid = gettid();
    *(pid_t *)slot = own_tid;
    pthread_mutex_lock(&lock);
    ++passed_by;
    pthread_mutex_unlock(&lock);
    check_equal(gettid(), *(pid_t *)slot, "a thread's id");
    check_equal(own_tid, *(pid_t *)slot, "thread-local memory");
    return NULL;
}

int main(void)
{
    pthread_t threads[kThreads];
    pthread_mutex_lock(&lock);
    for (int i = 0; i < kThreads; ++i)
        threads[i] = start_thread(sleeper, &tids[i]);
    for (int i = 0; i < kThreads; ++i) {
        while (__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST) == 0)
            sleep_ms(1);
        wait_blocked(tids[i], SYS_futex);
    }
    ready();
    wait_for_go();
    check_equal(passed_by, 0, "the lock was lost");
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < kThreads; ++i)
        join_thread(threads[i]);
    check_equal(passed_by, kThreads, "threads that came through");
    pass();
}
