// without: cgroup
// A place in a hierarchy of version 1, and of a thread in another one.
#include "cgroup.h"

static char left[64], right[64];
static volatile pid_t other;

static void *thread(void *unused)
{
    other = gettid();
    wait_for_go();
    cgroup_place_is(gettid(), "pids", right);
    return unused;
}

int main(void)
{
    char text[32];
    if (!cgroup_has("pids"))
        skip("no hierarchy of version 1 with the controller pids alone\n");
    int root = cgroup_mount("cgroup", "pids");
    if (root < 0)
        skip("we may not mount it: %s\n", strerror(errno));
    snprintf(left, sizeof left, "/cr-live-left-%d", getpid());
    snprintf(right, sizeof right, "/cr-live-right-%d", getpid());
    const char *dirs[] = {left, right};
    for (unsigned i = 0; i < 2; ++i)
        check(mkdirat(root, dirs[i] + 1, 0755) == 0, dirs[i]);
    pthread_t pthread = start_thread(thread, NULL);
    while (other == 0)
        sleep_ms(1);
    cgroup_enter(root, left + 1, getpid());
    snprintf(text, sizeof text, "%d", other);
    cgroup_write(root, right + 1, "tasks", text);
    close(root);
    ready();
    wait_for_go();
    cgroup_place_is(getpid(), "pids", left);
    join_thread(pthread);
    cgroup_end(cgroup_mount("cgroup", "pids"), ".", dirs, 2);
    pass();
}
