// differs: *
// Threads that end all the time, each after it has started the next one. The kernel leaves threads out of a
// list that is read while one of them ends, and one that is not held changes the memory that is saved. (Other
// threads are there when the harness looks again.)
#include "workload.h"
#include <pthread.h>

enum { kChains = 16 };

static volatile int stopping;
static int ended; // chains

static void *one_link(void *number)
{
    volatile char stack[4096];
    memset((void *)stack, (int)(long)number, sizeof stack);
    pthread_t next;
    if (stopping)
        __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
    else
        check(pthread_create(&next, NULL, one_link, (void *)((long)number + 1)) == 0 &&
                  pthread_detach(next) == 0,
              "pthread_create");
    for (size_t i = 0; i < sizeof stack; ++i)
        check(stack[i] == (char)(long)number, "the stack of a thread");
    return NULL;
}

int main(void)
{
    for (long i = 0; i < kChains; ++i) {
        pthread_t first;
        check(pthread_create(&first, NULL, one_link, (void *)i) == 0 && pthread_detach(first) == 0,
              "pthread_create");
    }
    ready();
    wait_for_go();
    stopping = 1;
    for (int tries = 0; __atomic_load_n(&ended, __ATOMIC_SEQ_CST) < kChains; ++tries, sleep_ms(1))
        check(tries < 60000, "a thread was lost");
    check_equal(ended, kChains, "how many chains of threads there are");
    pass();
}
