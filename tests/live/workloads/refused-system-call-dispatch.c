// refused: PR_SET_SYSCALL_USER_DISPATCH
// A program whose system calls are sent to a handler of its own, on a kernel that does not tell so by ptrace.
#include "../dispatch.h"

static volatile char selector = kPass;

static void handler(int signal)
{
    (void)signal;
    selector = kPass;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    if (tells_of_dispatch())
        skip("the kernel tells of it\n");
    check(sigaction(SIGSYS, &action, NULL) == 0, "sigaction");
    if (prctl(kSetDispatch, kOn, 0, 0, &selector) != 0)
        skip("no PR_SET_SYSCALL_USER_DISPATCH\n");
    ready();
    wait_for_go();
    pass();
}
