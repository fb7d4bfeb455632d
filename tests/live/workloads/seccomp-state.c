// without: core.tc.timers.posix, core.tc.timers.real, core.thread_core.sas, core.tc.child_subreaper
// The state of a process under a filter, which is read from the kernel and not asked for in it.
#include "../seccomp.h"

#include <sys/time.h>

static volatile int alarms, ticks;
static char stack[65536];

static void on_alarm(int signal) { (void)signal, alarms++; }
static void on_tick(int signal) { (void)signal, ticks++; }

int main(void)
{
    stack_t alternate = {stack, 0, sizeof stack}, found;
    check(sigaltstack(&alternate, NULL) == 0, "sigaltstack");
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART | SA_ONSTACK}, was;
    sigaddset(&action.sa_mask, SIGUSR1);
    check(sigaction(SIGALRM, &action, NULL) == 0, "sigaction");
    signal(SIGUSR2, on_tick);
    struct itimerval every = {{0, 50000}, {0, 50000}}, far = {{7, 0}, {5000, 0}}, now;
    check(setitimer(ITIMER_REAL, &every, NULL) == 0 && setitimer(ITIMER_VIRTUAL, &far, NULL) == 0,
          "setitimer");
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    timer_t tick, once, cpu;
    struct itimerspec soon = {{0, 50000000}, {0, 50000000}}, later = {{0, 0}, {5000, 0}}, left;
    check(timer_create(CLOCK_BOOTTIME, &event, &tick) == 0 && timer_settime(tick, 0, &soon, NULL) == 0,
          "timer");
    check(timer_create(CLOCK_REALTIME, &event, &once) == 0 && timer_settime(once, 0, &later, NULL) == 0,
          "timer");
    check(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &cpu) == 0 &&
              timer_settime(cpu, 0, &later, NULL) == 0,
          "timer");
    check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "subreaper");
    no_new_privileges();
    fail_call(SYS_getpgrp, 41, 0);
    ready();
    wait_for_go();
    int subreaper = 0;
    check(prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper, "child subreaper");
    check(sigaltstack(NULL, &found) == 0 && found.ss_sp == stack && found.ss_size == sizeof stack, "stack");
    check(sigaction(SIGALRM, NULL, &was) == 0 && was.sa_handler == on_alarm &&
              sigismember(&was.sa_mask, SIGUSR1),
          "signal action");
    check(getitimer(ITIMER_VIRTUAL, &now) == 0, "getitimer");
    check(now.it_interval.tv_sec == 7 && now.it_value.tv_sec > 4000 && now.it_value.tv_sec <= 5000,
          "the virtual timer");
    for (timer_t *timer = (timer_t[]){once, cpu, 0}; *timer; timer++) {
        check(timer_gettime(*timer, &left) == 0, "timer_gettime");
        check(left.it_value.tv_sec > 4000 && left.it_value.tv_sec <= 5000, "a POSIX timer");
    }
    int before = alarms, ticks_before = ticks;
    for (int i = 0; i < 2000 && (alarms == before || ticks == ticks_before); i++)
        sleep_ms(1);
    check(alarms > before, "the interval timer does not tick");
    check(ticks > ticks_before, "the POSIX timer does not tick");
    check_equal(error_of(SYS_getpgrp), 41, "the filter");
    pass();
}
