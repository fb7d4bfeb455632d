// refused: pid [0-9]+ waits for a sign
// A queue that was opened by its file, in a mount of such queues, and of whose next message somebody wants to be told.
#include "workload.h"
#include <mqueue.h>
#include <sys/mount.h>

int main(void)
{
    char name[64], path[80];
    struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};
    snprintf(name, sizeof name, "/cr-refused-file-%d", getpid());
    snprintf(path, sizeof path, "queues%s", name);
    check(mkdir("queues", 0755) == 0, "mkdir");
    if (mount("none", "queues", "mqueue", 0, NULL) != 0)
        skip("message queues cannot be mounted\n");
    mqd_t made = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &small);
    if (made < 0)
        skip("no message queues\n");
    int queue = open(path, O_RDWR | O_CLOEXEC);
    check(queue >= 0 && close(made) == 0, "set-up");
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    check(mq_notify(queue, &event) == 0, "set-up");
    ready();
    wait_for_go();
    check(mq_notify(queue, &event) == -1 && errno == EBUSY, "who is told");
    check(mq_unlink(name) == 0 && umount2("queues", MNT_DETACH) == 0, "clean-up");
    pass();
}
