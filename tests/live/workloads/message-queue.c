// differs: */fd/*/target, */fd/*/flags
// A queue of mq_open(3) that has a name, where the file system of such queues is mounted.
#include "workload.h"
#include <mqueue.h>
#include <sys/vfs.h>

int main(void)
{
    char name[64], text[8192];
    struct statfs fs;
    struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};
    if (statfs("/dev/mqueue", &fs) != 0 || (unsigned long)fs.f_type != 0x19800202)
        skip("no file system of message queues at /dev/mqueue\n");
    snprintf(name, sizeof name, "/cr-queue-%d", getpid());
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &small);
    if (queue < 0)
        skip("no message queues\n");
    check(mq_send(queue, "one", 3, 1) == 0 && mq_send(queue, "first", 5, 9) == 0, "set-up");
    ready();
    wait_for_go();
    unsigned priority = 0;
    check_equal(mq_receive(queue, text, sizeof text, &priority), 5, "the message with the highest priority");
    check_equal(priority, 9, "its priority");
    check_equal(mq_receive(queue, text, sizeof text, &priority), 3, "the other one");
    check(mq_receive(queue, text, sizeof text, &priority) == -1 && errno == EAGAIN,
          "O_NONBLOCK of the queue");
    check(mq_unlink(name) == 0, "its name");
    pass();
}
