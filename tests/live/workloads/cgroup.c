// without: cgroup
// The places of processes in the hierarchy of version 2, of a child in another one than its parent, and of
// threads of one process in a domain of threads.
#include "cgroup.h"

static char base[64], left[80], right[80], domain[80], first[96], second[96];
static volatile pid_t other;
static int hierarchy; // closed before it is told that all is set up

static void *thread(void *unused)
{
    other = gettid();
    wait_for_go();
    cgroup_place_is(gettid(), "", second);
    return unused;
}

static void child(void)
{
    int root = hierarchy;
    cgroup_enter(root, first + 1, getpid());
    pthread_t pthread = start_thread(thread, NULL);
    while (other == 0)
        sleep_ms(1);
    char text[32];
    snprintf(text, sizeof text, "%d", other);
    cgroup_write(root, second + 1, "cgroup.threads", text);
    close(root);
    cgroup_place_is(gettid(), "", first);
    child_ready();
    wait_for_go();
    cgroup_place_is(gettid(), "", first);
    join_thread(pthread);
}

int main(void)
{
    char home[kCgroupPath];
    int root = cgroup_mount("cgroup2", NULL);
    if (root < 0)
        skip("no cgroups of version 2 that we may mount: %s\n", strerror(errno));
    cgroup_home(home);
    snprintf(base, sizeof base, "/cr-live-%d", getpid());
    snprintf(left, sizeof left, "%s/left", base);
    snprintf(right, sizeof right, "%s/right", base);
    snprintf(domain, sizeof domain, "%s/domain", base);
    snprintf(first, sizeof first, "%s/first", domain);
    snprintf(second, sizeof second, "%s/second", domain);
    const char *dirs[] = {base, left, right, domain, first, second};
    for (unsigned i = 0; i < 6; ++i)
        if (mkdirat(root, dirs[i] + 1, 0755) != 0)
            skip("no cgroups may be made: %s\n", strerror(errno));
    cgroup_write(root, first + 1, "cgroup.type", "threaded");
    cgroup_write(root, second + 1, "cgroup.type", "threaded");
    // Into a domain of threads first: a process comes into a threaded cgroup only from there.
    cgroup_enter(root, domain + 1, getpid());
    hierarchy = root;
    pid_t pid = start_child(child);
    cgroup_enter(root, left + 1, getpid());
    close(root);
    cgroup_place_is(getpid(), "", left);
    ready();
    wait_for_go();
    cgroup_place_is(getpid(), "", left);
    child_passed(pid);
    cgroup_end(cgroup_mount("cgroup2", NULL), home, dirs, 6);
    pass();
}
