// without: pstree.pgid
// Process groups: across five levels, with a leader that left it, that is dead, and two that changed places.
#include "family.h"

static pid_t across;

static void nothing(void) {}
static void joins(void) { check(setpgid(0, across) == 0, "setpgid"); }
static void fifth(void) { joins(), bear(nothing, 0); }
static void fourth(void) { bear(fifth, 0); }
static void third(void) { setpgid(0, 0), bear(fourth, 0), joins(); }
static void second(void) { bear(third, 0); }
static void leader_of_across(void)
{
    setpgid(0, 0);
    across = getpid();
    bear(second, 0);
}
static void leads_and_leaves(void)
{
    pid_t before = getpgrp();
    setpgid(0, 0);
    bear(nothing, 0);
    check(setpgid(0, before) == 0, "setpgid back");
    bear(nothing, 0);
}
static void leads_and_ends(void)
{
    setpgid(0, 0);
    bear(leads_and_leaves, 0);
    bear(nothing, 0);
}

int main(void)
{
    found_family();
    bear(leader_of_across, 0);
    bear(leads_and_leaves, 0);
    bear(leads_and_ends, 1);
    // Two that lead each other's group, which a child keeps for them.
    pid_t one = bear(nothing, 0), other = bear(nothing, 0), keeper = bear(nothing, 0);
    check(setpgid(one, one) == 0 && setpgid(other, other) == 0 && setpgid(keeper, one) == 0, "setpgid");
    check(setpgid(one, other) == 0 && setpgid(other, one) == 0, "changing places");
    family_through();
    pass();
}
