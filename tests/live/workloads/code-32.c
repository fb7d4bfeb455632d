// build: -m32
// without: core.thread_info.tls, core.tc.sigactions
// differs: */area/ffffffffff600000-* */count/areas
// A 32-bit program: general registers and flags across the checkpoint, thread-local storage of several
// threads (gs by set_thread_area), handlers of both forms called on their frames, an alternate stack, a child
// made afterwards.
#include "workload.h"

static __thread int local = 1;
static volatile sig_atomic_t plain, with_info;
static volatile uintptr_t handler_sp;
static pthread_barrier_t barrier;
static volatile int go;

static void on_plain(int signal)
{
    plain = signal;
    handler_sp = (uintptr_t)__builtin_frame_address(0);
}

static void on_info(int signal, siginfo_t *info, void *context)
{
    (void)context;
    with_info = signal == SIGUSR2 ? info->si_value.sival_int : -1;
}

static void *thread(void *argument)
{
    local = (int)(intptr_t)argument;
    pthread_barrier_wait(&barrier);
    while (!go)
        usleep(1000);
    return (void *)(intptr_t)(local + 1000);
}

int main(void)
{
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    check(sizeof(void *) == 4, "this is no 32-bit program");
    check(sigaltstack(&alternate, NULL) == 0, "sigaltstack");
    struct sigaction action = {.sa_handler = on_plain, .sa_flags = SA_ONSTACK};
    sigaddset(&action.sa_mask, SIGUSR2);
    check(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
    struct sigaction informed = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_RESTART};
    check(sigaction(SIGUSR2, &informed, NULL) == 0, "sigaction");
    pthread_t threads[3];
    check(pthread_barrier_init(&barrier, NULL, 4) == 0, "barrier");
    for (intptr_t i = 0; i < 3; i++)
        check(pthread_create(&threads[i], NULL, thread, (void *)(100 + i)) == 0, "thread");
    pthread_barrier_wait(&barrier);
    local = 7;
    double eighth = 1.0 / 8;
    ready();
    wait_for_go();
    check_equal(local, 7, "local storage of the first thread");
    check(eighth == 0.125, "floating point");
    go = 1;
    for (int i = 0; i < 3; i++) {
        void *result;
        check(pthread_join(threads[i], &result) == 0, "join");
        check_equal((intptr_t)result, 1100 + i, "local storage of another thread");
    }
    check(raise(SIGUSR1) == 0 && plain == SIGUSR1, "a handler");
    check(handler_sp > (uintptr_t)stack && handler_sp < (uintptr_t)stack + sizeof stack,
          "the alternate stack");
    check(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 4711}) == 0 && with_info == 4711,
          "a value");
    struct sigaction now;
    check(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == on_plain, "the action");
    check(sigismember(&now.sa_mask, SIGUSR2) && now.sa_flags & SA_ONSTACK, "the action's mask");
    pid_t child = fork();
    if (child == 0)
        _exit(local == 7 && raise(SIGUSR1) == 0 && plain == SIGUSR1 ? 5 : 6);
    int status;
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5, "a child");
    check(malloc(1 << 20) != NULL, "memory");
    pass();
}
