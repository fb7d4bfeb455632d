// refused: fd.3..net:.[0-9]+...:.it.is.of.a.namespace.that.the.tree.is.not.in;.close.it.before.the.dump
// A descriptor of a namespace that the tree has left.
#include "workload.h"

int main(void)
{
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    check(own == 3, "set-up");
    if (unshare(CLONE_NEWNET) != 0)
        skip("unshare: %s\n", strerror(errno));
    int other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    check(setns(own, CLONE_NEWNET) == 0 && dup3(other, own, O_CLOEXEC) == own && close(other) == 0, "set-up");
    ready();
    wait_for_go();
    check(setns(own, CLONE_NEWNET) == 0, "the namespace after a refused dump");
    pass();
}
