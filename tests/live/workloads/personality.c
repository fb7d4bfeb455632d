// without: core.tc.personality
// The personality.
#include "workload.h"
#include <sys/personality.h>

int main(void)
{
    check(personality(ADDR_NO_RANDOMIZE | STICKY_TIMEOUTS) >= 0, "personality");
    ready();
    wait_for_go();
    check_equal(personality(0xffffffff), ADDR_NO_RANDOMIZE | STICKY_TIMEOUTS, "the personality");
    pass();
}
