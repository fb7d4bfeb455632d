// without: core.tc.sigactions, core.tc.sigactions.mask, core.tc.sigactions.flags
// Every signal's action: handler, flags, mask and restorer.
#include "workload.h"

struct kernel_action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    unsigned long mask;
};

static struct kernel_action actions[65];

static void handler(int number) { (void)number; }

static long act(int number, const struct kernel_action *set, struct kernel_action *get)
{
    return syscall(SYS_rt_sigaction, number, set, get, 8);
}

int main(void)
{
    for (int number = 1; number <= 64; ++number) {
        struct kernel_action action = {(uintptr_t)handler, SA_RESTART | SA_SIGINFO, 0x1000 + number,
                                       1UL << number % 64};
        if (number % 5 == 0)
            action.handler = (uintptr_t)SIG_IGN, action.flags = 0;
        if (number % 7 == 0)
            action.handler = (uintptr_t)SIG_DFL, action.flags = 0;
        if (number % 3 == 0)
            action.flags |= SA_ONSTACK | SA_NODEFER;
        if (number % 4 == 0)
            action.flags |= 0x04000000 /* SA_RESTORER */;
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        check(act(number, &action, NULL) == 0 && act(number, NULL, &actions[number]) == 0, "set-up");
    }
    ready();
    wait_for_go();
    for (int number = 1; number <= 64; ++number) {
        struct kernel_action now = {0, 0, 0, 0};
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        check(act(number, NULL, &now) == 0, "rt_sigaction");
        check_equal(now.handler, actions[number].handler, "a handler");
        check_equal(now.flags, actions[number].flags, "an action's flags");
        check_equal(now.mask, actions[number].mask, "an action's mask");
        check_equal(now.restorer, actions[number].restorer, "an action's restorer");
    }
    pass();
}
