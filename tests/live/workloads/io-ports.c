// without: core.thread_core.cr_io_ports
// I/O ports that a thread may use (ioperm), beside one that may not.
#include "workload.h"
#include <sys/io.h>

static volatile int set_up, denied;

static void on_fault(int signal)
{
    (void)signal;
    denied = 1;
    check(ioperm(0x81, 1, 1) == 0, "ioperm");
}

static void *thread(void *unused)
{
    if (ioperm(0x80, 1, 1) != 0 || ioperm(0x3f8, 3, 1) != 0)
        skip("ioperm: %s", strerror(errno));
    set_up = 1;
    wait_for_go();
    outb(0, 0x80); // a port without effect
    check(!denied, "the port is denied");
    outb(0, 0x81);
    check(denied, "the port beside is not denied");
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_fault};
    check(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
    pthread_t other = start_thread(thread, NULL);
    while (!set_up)
        sleep_ms(1);
    ready();
    wait_for_go();
    join_thread(other);
    pass();
}
