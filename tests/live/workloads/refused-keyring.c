// refused: keyring, allow-loss
// A process with a keyring of its own.
#include "workload.h"
#include <linux/keyctl.h>

int main(void)
{
    if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0)
        skip("no keyrings");
    ready();
    wait_for_go();
    check(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0) > 0, "the keyring is gone");
    pass();
}
