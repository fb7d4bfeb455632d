// refused: message queue of POSIX that has no name, pid [0-9]+ waits for a sign
// Queues of mq_open(3) that end with those who have them open: after the refusal their messages are there
// still.
#include "workload.h"
#include <mqueue.h>

static mqd_t make_queue(int number)
{
    char name[64];
    struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};
    snprintf(name, sizeof name, "/cr-refused-%d-%d", getpid(), number);
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &small);
    if (queue < 0)
        skip("no message queues\n");
    check(mq_unlink(name) == 0 && mq_send(queue, "waits", 5, 3) == 0, "set-up");
    return queue;
}

int main(void)
{
    mqd_t unlinked = make_queue(1), notified = make_queue(2);
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    check(mq_notify(notified, &event) == 0, "set-up");
    ready();
    wait_for_go();
    char text[8192];
    unsigned priority = 0;
    check_equal(mq_receive(unlinked, text, sizeof text, &priority), 5, "the message");
    check_equal(priority, 3, "its priority");
    pass();
}
