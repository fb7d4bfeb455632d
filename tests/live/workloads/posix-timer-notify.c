// without: core.tc.timers.posix.notify_thread_id, core.tc.timers.posix.si_signo
// without: core.tc.timers.posix.sival_ptr, core.tc.timers.posix.it_sigev_notify
// How POSIX timers tell: to one thread, to the process, to nobody; with their signal and value.
#include "workload.h"

static sigset_t set;
static volatile pid_t tid;
static int to_thread, to_process, to_nobody;

static int make(int notify, pid_t thread, int number, void *value)
{
    int id = -1;
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = number, .sigev_value.sival_ptr = value};
    event._sigev_un._tid = thread;
    check(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0, "timer_create");
    return id;
}

static void fire(int id)
{
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    check(syscall(SYS_timer_settime, id, 0, &soon, NULL) == 0, "timer_settime");
}

static void collect(int number, void *value)
{
    siginfo_t info;
    struct timespec limit = {2, 0};
    check_equal(sigtimedwait(&set, &info, &limit), number, "the timer's signal");
    check_equal(info.si_code, SI_TIMER, "its code");
    check_equal((long)info.si_value.sival_ptr, (long)value, "its value");
}

static void *thread(void *unused)
{
    (void)unused;
    tid = gettid();
    wait_for_go();
    collect(SIGUSR1, &to_thread);
    return NULL;
}

int main(void)
{
    struct itimerspec now, far = {{0, 0}, {5000, 0}};
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_t other = start_thread(thread, NULL);
    while (tid == 0)
        sleep_ms(1);
    to_thread = make(SIGEV_THREAD_ID, tid, SIGUSR1, &to_thread);
    to_process = make(SIGEV_SIGNAL, 0, SIGUSR2, (void *)0x7654321076543210);
    to_nobody = make(SIGEV_NONE, 0, 0, NULL);
    check(syscall(SYS_timer_settime, to_nobody, 0, &far, NULL) == 0, "timer_settime");
    ready();
    wait_for_go();
    fire(to_thread);
    join_thread(other);
    fire(to_process);
    collect(SIGUSR2, (void *)0x7654321076543210);
    check(syscall(SYS_timer_gettime, to_nobody, &now) == 0, "timer_gettime");
    check(now.it_value.tv_sec <= 5000 && now.it_value.tv_sec > 4900, "the time left of the silent timer");
    pass();
}
