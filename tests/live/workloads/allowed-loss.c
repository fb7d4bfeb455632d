// dump-options: --allow-loss keyrings,landlock
// A process that restricted itself by Landlock and has a keyring, which it may lose: it is dumped, and goes on without.
#include "workload.h"
#include <linux/keyctl.h>

int main(void)
{
    uint64_t handled = 1; // LANDLOCK_ACCESS_FS_EXECUTE
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    long ruleset = syscall(444 /* landlock_create_ruleset */, &handled, sizeof handled, 0);
    if (ruleset < 0 || syscall(446 /* landlock_restrict_self */, ruleset, 0) != 0)
        skip("no Landlock");
    close((int)ruleset);
    if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0)
        skip("no keyrings");
    ready();
    wait_for_go();
    pass();
}
