// without: core.thread_core.futex_rla
// A thread that ends while it holds a robust mutex: the kernel finds the mutex by the thread's list.
#include "workload.h"

static pthread_mutex_t mutex;
static volatile int held;

static void *holder(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    held = 1;
    wait_for_go();
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_t thread = start_thread(holder, NULL);
    while (!held)
        sleep_ms(1);
    ready();
    wait_for_go();
    check_equal(pthread_mutex_lock(&mutex), EOWNERDEAD, "locking the mutex of a dead owner");
    join_thread(thread);
    pass();
}
