// without: pstree.sid, pstree.ppid
// Orphans that went to a subreaper in the middle of the tree, which is in other sessions than they.
#include "family.h"

static void nothing(void) {}
static void orphan(void) { bear(nothing, 0); }
static void daemon_of_its_own(void)
{
    setsid();
    bear(orphan, 1);
    bear(nothing, 0);
}
static void starter(void)
{
    bear(daemon_of_its_own, 1); // its session lives on without it
    bear(daemon_of_its_own, 0);
    orphan();
}
static void middle(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bear(starter, 1);
    bear(starter, 0);
    // Another one, further up, when this one takes none any more.
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    bear(starter, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(void)
{
    found_family();
    bear(middle, 0);
    bear(starter, 1);
    family_through();
    pass();
}
