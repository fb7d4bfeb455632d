// without: core.thread_core.creds.secbits
// Secure bits, some of them locked.
#include "workload.h"
#include <linux/securebits.h>

int main(void)
{
    int bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS | SECBIT_NO_CAP_AMBIENT_RAISE;
    check(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0, "PR_SET_SECUREBITS");
    ready();
    wait_for_go();
    check_equal(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), bits, "the secure bits");
    pass();
}
