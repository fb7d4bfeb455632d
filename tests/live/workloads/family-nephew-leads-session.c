// without: pstree.sid, pstree.ppid
// Children that live in a session which is led by a child of their brother, and by one further down.
#include "family.h"

static void nothing(void) {}
static void ends(void) { bear(nothing, 0); }

// Of what it bears through one that ends the root becomes the parent, past the brother.
static void leads(void)
{
    setsid();
    bear(ends, 1);
    bear(nothing, 0);
}
static void deeper(void) { bear(leads, 0); }
static void brother(void)
{
    bear(leads, 0);
    bear(deeper, 0);
}

int main(void)
{
    found_family();
    bear(brother, 0);
    bear(nothing, 0);
    family_through();
    pass();
}
