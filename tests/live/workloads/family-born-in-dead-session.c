// without: pstree.sid
// Leaders of sessions that were born in another session, which is leaderless by now, with children from that
// time.
#include "family.h"

static void nothing(void) {}
static void becomes_leader(void)
{
    bear(nothing, 0);
    setsid();
    bear(nothing, 0);
}
static void first_leader(void)
{
    setsid();
    bear(becomes_leader, 0);
    bear(becomes_leader, 0);
    bear(nothing, 0);
}
static void keeps(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bear(first_leader, 1);
}

int main(void)
{
    found_family();
    bear(keeps, 0);
    bear(first_leader, 1);
    bear(first_leader, 0);
    family_through();
    pass();
}
